"""Make the group that support staff are put in, with every right to help and none to give rights."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management import BaseCommand, CommandParser
from django.db.models import Q

from accounts.support.actions import ACTIONS

RIGHTS = (
    "accounts.view_user",
    "accounts.view_securityevent",
    "otp.view_verification",
    "otp.view_verificationattempt",
    *dict.fromkeys(action.permission for action in ACTIONS.values() if action.permission),
)


class Command(BaseCommand):
    help = "Make or mend the group Support: it may look at people, events and attempts, and help people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Support", help="What the group is called (default: Support).")
        parser.add_argument("--with-phones", action="store_true", help="Let it see whole phone numbers as well.")

    def handle(self, *args: Any, name: str, with_phones: bool, **options: Any) -> None:
        rights = [*RIGHTS, *(["accounts.view_phone"] if with_phones else [])]
        wanted = Q()
        for right in rights:
            app, _, codename = right.partition(".")
            wanted |= Q(content_type__app_label=app, codename=codename)
        group, is_new = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(wanted))
        self.stdout.write(f"{'Made' if is_new else 'Mended'} the group {name}:")
        for right in rights:
            self.stdout.write(f"  {right}")
