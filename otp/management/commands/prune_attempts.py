"""`manage.py prune_attempts --older-than 400`: remove old attempts. For cron, once a day."""

from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from otp.operations.progress import ProgressBar
from otp.operations.retention import NotRolledUp, prune

MIN_DAYS = 2


class Command(BaseCommand):
    help = (
        "Remove attempts and verifications that are older, in small transactions. Sums and the audit chain stay whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="Days to keep.")

    def handle(self, *args: Any, older_than: int, **options: Any) -> None:
        if older_than < MIN_DAYS:
            # Limits count attempts of the last 24 hours.
            raise CommandError(f"Keep {MIN_DAYS} days at least: limits count what happened in the last 24 hours.")
        try:
            with ProgressBar(self.stderr, "Pruning") as bar:
                pruned = prune(timedelta(days=older_than), bar.tell)
        except NotRolledUp:
            raise CommandError("Nothing is rolled up yet: run `manage.py roll_up` first, or sums are lost.") from None
        self.stdout.write(
            f"Removed {pruned.attempts} attempts and {pruned.verifications} verifications "
            f"from before {pruned.cutoff:%Y-%m-%d %H:%M} UTC."
        )
