"""`manage.py erase_user`: delete an account and take the person out of the audit, for good."""

import re
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import SecurityEvent, User
from accounts.models.event import hash_typed
from otp.destinations import Destination, fold_email
from otp.operations import retention

ASK = "This cannot be undone. Write the number of the account to go on: "


class Command(BaseCommand):
    help = (
        "Delete an account with all that belongs to it, and take the person out of every attempt: number, address, "
        "network, browser. Counts, costs and the audit chain stay whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "person", help="Number of the account (also of one that is gone), or the whole e-mail address."
        )
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, person: str, no_input: bool, **options: Any) -> None:
        user = self._find(person)
        user_id = user.pk if user else int(person)
        destinations = [Destination(address) for address in (user.email, user.phone) if address] if user else []
        count = retention.count_traces(user_id, destinations)
        who = f"account {user_id} ({destinations[0].masked})" if user else f"account {user_id}, which is gone already"
        self.stdout.write(f"{who[0].upper()}{who[1:]}: {count} attempts.")
        if not no_input and input(ASK).strip() != str(user_id):
            raise CommandError("Nothing was done.")
        with transaction.atomic():
            erased = retention.erase(user_id, destinations)
            if user:
                SecurityEvent.objects.filter(typed_hash__in=hash_typed(user.email)).delete()
                user.delete()
        self.stdout.write(f"Erased from {erased} attempts{'; the account is deleted' if user else ''}.")

    def _find(self, person: str) -> User | None:
        if re.fullmatch(r"[0-9]{1,18}", person):
            return User.objects.filter(pk=int(person)).first()
        if user := User.objects.filter(email=fold_email(person)).first():
            return user
        raise CommandError("Nobody has an account with that e-mail address.")
