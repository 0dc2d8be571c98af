"""`manage.py otp_report`: a month's sends, approvals and cost, and what more users would cost."""

import re
from datetime import date
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from otp.operations.report import make_report
from otp.operations.report_formats import FORMATS


class Command(BaseCommand):
    help = "Print a month: what was sent, verified and spent by channel and country, and what more users would cost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", default="", help="2026-11. Default: the month that runs, until now.")
        parser.add_argument("--format", choices=sorted(FORMATS), default="text", help="Default: text.")

    def handle(self, *args: Any, month: str, format: str, **options: Any) -> None:
        self.stdout.write(FORMATS[format](make_report(read_month(month))), ending="")


def read_month(typed: str) -> date:
    """Read `2026-11`.

    :raises CommandError: for anything else
    """
    if not typed:
        return timezone.now().date()
    found = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", typed)
    if not found:
        raise CommandError("--month must be a year and a month: 2026-11.")
    return date(int(found[1]), int(found[2]), 1)
