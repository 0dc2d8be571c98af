"""`manage.py demo_data`: sixty days of made-up history, so that dashboard, reports and alerts can be seen at once."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from otp.operations import demo
from otp.operations.progress import ProgressBar


class Command(BaseCommand):
    help = "Fill a development site with made-up history, an attack and an outage in it; --remove takes it away again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=60, help="How many days, today at the end. Default: 60.")
        parser.add_argument("--seed", type=int, default=1, help="Another number, another history. Default: 1.")
        parser.add_argument("--remove", action="store_true", help="Take the history away again.")
        parser.add_argument("--force", action="store_true", help="Even on a site that is real.")

    def handle(self, *args: Any, days: int, seed: int, remove: bool, force: bool, **options: Any) -> None:
        if not (settings.DEBUG and settings.OTP_SANDBOX) and not force:
            raise CommandError(
                "This is for development sites with the sandbox: on a real one, made-up attempts would stand among "
                "true ones. If you mean it, say --force."
            )
        if not 1 <= days <= 366:
            raise CommandError("--days must be from 1 to 366.")
        try:
            if remove:
                self.stdout.write(f"Removed {demo.remove()} made-up attempts.")
                return
            with ProgressBar(self.stderr, "Making history") as bar:
                counts = demo.fill(days, seed, bar.tell)
        except demo.IsSealed:
            raise CommandError(
                "The audit has sealed the history that is there, and what is sealed stays. Start with an empty "
                "database."
            ) from None
        self.stdout.write(
            f"Made {counts['verifications']} verifications, {counts['attempts']} attempts and {counts['deliveries']} "
            f"deliveries of {days} days. See {settings.SITE_URL}/admin/"
        )
