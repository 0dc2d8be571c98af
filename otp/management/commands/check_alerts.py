"""`manage.py check_alerts`: find what is wrong and tell of it. For cron, every five minutes, on any number of hosts."""

from datetime import datetime, timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from otp.models import Alert
from otp.operations import alert_delivery, alerts
from otp.operations.progress import ProgressBar

HOUR = timedelta(hours=1)
LOOK_BACK = timedelta(days=30)
SOMETHING_IS_WRONG, COULD_NOT_TELL = 1, 2


class Command(BaseCommand):
    help = (
        "Find what is wrong and tell ADMINS and the webhook, of each thing once in an hour. Exits with 0 when nothing "
        "is wrong, 1 when something is, 2 when it could not be found out or not everybody could be told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Tell nobody; show what would have fired in the past 30 days."
        )

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            if dry_run:
                self.show_past()
            else:
                self.find_and_tell()
        except DatabaseError as error:
            message = f"The database did not answer ({type(error).__name__}): nothing is known."
            raise CommandError(message, returncode=COULD_NOT_TELL) from None

    def find_and_tell(self) -> None:
        found = [alert.note() for alert in alerts.find()]
        if not found:
            self.stdout.write("Nothing is wrong.")
            return
        due = {alert: alert.told_at for alert in found if alert.claim()}
        for alert in found:
            self.stdout.write(f"{alert.rule}: {alert.sentence}{'' if alert in due else '  (told within the hour)'}")
        if due:
            self.tell(due)
        raise CommandError(f"Alerts: {len(found)}.", returncode=SOMETHING_IS_WRONG)

    def tell(self, due: dict[Alert, datetime | None]) -> None:
        told = alert_delivery.tell(list(due))
        failed = [f"{target.target} ({target.fault})" for target in told if target.fault]
        if len(failed) == len(told):
            for alert, told_at in due.items():
                alert.release(told_at)
        if not told:
            self.stderr.write("Nobody is told: set ADMINS or OTP_ALERT_WEBHOOK_URL.")
        if failed:
            raise CommandError(f"Could not tell: {', '.join(failed)}.", returncode=COULD_NOT_TELL)

    def show_past(self) -> None:
        """Go through the last 30 days hour by hour, with the very rules that look at now."""
        now = timezone.now()
        moments = alerts.find_moments(now - LOOK_BACK, now)
        last: dict[tuple[str, str], list[Any]] = {}
        spans: list[list[Any]] = []
        with ProgressBar(self.stderr, "Looking back") as bar:
            for done, at in enumerate(moments, start=1):
                for alert in alerts.find(at):
                    span = last.get(key := (alert.rule, alert.subject))
                    if span is None or span[1] < at - HOUR:
                        spans.append(span := [at, at, alert])
                    last[key], span[1:] = span, [at, alert]
                bar.tell(done, len(moments))
        for begin, end, alert in spans:
            self.stdout.write(
                f"{begin - HOUR:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC  {alert.rule}: {alert.sentence}"
            )
        for alert in alerts.find_audit_faults():
            self.stdout.write(f"now  {alert.rule}: {alert.sentence}")
        self.stdout.write(f"In the past 30 days {len(spans)} alerts would have fired, each told of once in an hour.")
