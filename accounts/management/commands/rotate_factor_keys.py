"""Encrypt the secrets of authenticator apps with the newest key, so that the keys before it can be taken away."""

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management import BaseCommand, CommandError, CommandParser

from accounts.encryption import is_current, rotate
from accounts.models import TotpDevice

BATCH_SIZE = 500


class Command(BaseCommand):
    help = (
        "Encrypt every secret of an authenticator app with the first of FACTOR_ENCRYPTION_KEYS. "
        "Does no harm when run again or while people sign in. "
        "Exits with 1 if a secret can be read with none of the keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="Rows read at once. Default: 500.")

    def handle(self, *args: Any, batch_size: int, **options: Any) -> None:
        if batch_size < 1:
            raise CommandError("--batch-size must be at least 1.")
        rotated, current, unreadable = 0, 0, []
        for pk, secret in _walk(batch_size):
            if is_current(secret):
                current += 1
                continue
            try:
                newer = rotate(secret)
            except InvalidToken:
                unreadable.append(pk)
                continue
            # Whoever set up another app in the meantime has a row of their own, or another secret in this one.
            rotated += TotpDevice.objects.filter(pk=pk, encrypted_secret=secret).update(encrypted_secret=newer)
        self.stdout.write(f"Encrypted anew: {rotated}. Already with the newest key: {current}.")
        if unreadable:
            raise CommandError(
                f"Read with none of FACTOR_ENCRYPTION_KEYS: {len(unreadable)}, "
                f"devices {', '.join(map(str, unreadable[:20]))}{'…' if len(unreadable) > 20 else ''}. "
                "Keep the old keys, add the missing one at the end, and run this again."
            )


def _walk(batch_size: int) -> Iterator[tuple[int, str]]:
    """Go through all secrets in order of their ids, a batch in memory at a time, and no lock held."""
    last = 0
    while batch := list(
        TotpDevice.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "encrypted_secret")[:batch_size]
    ):
        yield from batch
        last = batch[-1][0]
