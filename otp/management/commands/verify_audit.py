"""`manage.py verify_audit`: find every sealed attempt that was changed, removed or put in."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from otp.operations import audit_chain, audit_verification

MOST_SHOWN = 100


class Command(BaseCommand):
    help = "Check the audit chain and every attempt in it. Exits with 1 when anything is not as it was sealed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expect",
            action="append",
            default=[],
            metavar="NUMBER:DIGEST",
            help="A head that seal_audit told earlier, kept elsewhere: shows that the end was not cut off.",
        )
        parser.add_argument("--recent", action="store_true", help="The newest blocks alone: quick.")

    def handle(self, *args: Any, expect: list[str], recent: bool, **options: Any) -> None:
        count = 0
        for head in expect:
            if not audit_verification.has_block(head):
                count += 1
                self.stdout.write(
                    self.style.ERROR(f"The chain has no block {head}: its end was cut off, or made anew.")
                )
        for fault in audit_verification.verify_recent() if recent else audit_verification.verify():
            count += 1
            if count <= MOST_SHOWN:
                self.stdout.write(self.style.ERROR(str(fault)))
        if count > MOST_SHOWN:
            self.stdout.write(self.style.ERROR(f"And {count - MOST_SHOWN} more."))
        if count:
            raise CommandError(f"The audit is not as it was sealed: {count} faults.")
        self.stdout.write(f"The audit is as it was sealed. Head: {audit_chain.get_head() or 'none yet'}")
