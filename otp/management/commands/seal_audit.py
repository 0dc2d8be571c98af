"""`manage.py seal_audit`: seal new attempts into the audit chain. For cron, every few minutes."""

from typing import Any

from django.core.management import BaseCommand

from otp.operations import audit_chain


class Command(BaseCommand):
    help = "Seal new attempts into the audit chain. Run it every few minutes; two runs at once do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        sealed = audit_chain.seal()
        self.stdout.write(f"Sealed {sealed.rows} attempts in {sealed.blocks} blocks.")
        if sealed.head:
            self.stdout.write(f"Head: {sealed.head}")
