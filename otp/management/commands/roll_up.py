"""`manage.py roll_up`: sum the attempts of every hour that is over. For cron, once an hour; again does no harm."""

from typing import Any

from django.core.management import BaseCommand

from otp.operations.progress import ProgressBar
from otp.operations.totals import roll_up, rolled_up_until


class Command(BaseCommand):
    help = "Sum the attempts of every hour that is over, for the dashboard, reports and alerts. Run it hourly."

    def handle(self, *args: Any, **options: Any) -> None:
        with ProgressBar(self.stderr, "Rolling up") as bar:
            hours = roll_up(bar.tell)
        until = rolled_up_until()
        if until is None:
            self.stdout.write("There are no attempts yet.")
        else:
            self.stdout.write(f"Rolled up {hours} hours; all is summed until {until:%Y-%m-%d %H:%M} UTC.")
