"""`manage.py sync_attempts`: take over prices and delivery status from Twilio. For cron, once an hour."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from otp.exceptions import OtpError
from otp.models import Progress
from otp.operations.progress import ProgressBar
from otp.operations.reconcile import REACH, Reconciliation, sync_attempts
from otp.operations.totals import roll_up
from otp.prices import get_success_price


class Command(BaseCommand):
    help = "Roll attempts up, then take over prices, delivery status and error codes from Twilio. Run it hourly."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="Go that many days back, at most 30. Default: where the last run stopped."
        )

    def handle(self, *args: Any, days: int | None, **options: Any) -> None:
        if days is not None and not 1 <= days <= REACH.days:
            raise CommandError(f"--days must be from 1 to {REACH.days}: Twilio keeps no more.")
        roll_up()
        try:
            with ProgressBar(self.stderr, "Reading from Twilio") as bar:
                result = sync_attempts(days=days, tell=bar.tell)
        except OtpError as error:
            until = Progress.find(Progress.Job.SYNC)
            raise CommandError(
                f"Twilio could not be asked further ({describe(error)}). What was read is kept: all is known until "
                f"{until:%Y-%m-%d %H:%M} UTC, and the next run goes on from there."
            ) from None
        self.report(result)

    def report(self, result: Reconciliation) -> None:
        self.stdout.write(
            f"Read {result.read} messages: {result.new} new, {result.changed} changed. "
            f"All is known until {result.until:%Y-%m-%d %H:%M} UTC."
        )
        if result.unpriced:
            self.stdout.write(f"{result.unpriced} have no price yet; they are asked for again for three days.")
        if result.unmatched:
            self.stdout.write(f"{result.unmatched} have no attempt here; they count into costs all the same.")
        if result.other_currencies:
            names = ", ".join(sorted(result.other_currencies))
            self.stdout.write(
                f"Prices in {names} are kept, but sums are in OTP_CURRENCY ({settings.OTP_CURRENCY}) and take the "
                "estimate instead."
            )
        if result.read > result.unpriced and not get_success_price():
            self.stdout.write(
                "Twilio's prices are without its fee for each code that was right: put it into OTP_PRICES as success=…"
            )


def describe(error: OtpError) -> str:
    """Name an error by Twilio's code, or by our own. Twilio's text is never shown: it can hold a number."""
    return f"Twilio's error {error.provider_code}" if error.provider_code else error.code
