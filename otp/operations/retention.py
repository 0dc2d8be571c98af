"""Letting go: of attempts that are old, and of one person's traces. The chain stays verifiable, the sums stay whole."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from otp.destinations import Destination
from otp.models import Alert, AuditBlock, AuditSeal, Delivery, TransactionApproval, Verification, VerificationAttempt
from otp.models.audit_chain import BlockKind
from otp.operations import audit_digests as digests
from otp.operations.audit_chain import append, seal
from otp.operations.audit_guard import chain_transaction, opened
from otp.operations.totals import rolled_up_until

# Blocks that one transaction removes, each of a thousand attempts at most; and verifications, and attempts of a person.
BLOCKS_AT_ONCE = 5
ROWS_AT_ONCE = 1000
# What of an attempt and of a verification can lead to a person. Kind, outcome, channel, country, times and cost stay.
ERASED: dict[str, Any] = {
    "user": None,
    "destination_hash": "",
    "destination_masked": "",
    "prefix": "",
    "client_address": None,
    "user_agent": "",
    "verification_sid": "",
    "attempt_sid": "",
    "request_id": "",
}
ERASED_VERIFICATION: dict[str, Any] = {
    "user": None,
    "destination_hash": "",
    "destination_masked": "",
    "prefix": "",
    "verification_sid": "",
    "binding": "",
    "kept_code": "",
}


class NotRolledUp(Exception):
    """Nothing is in the roll-ups yet, so nothing may be removed."""


@dataclass(frozen=True)
class Pruned:
    """What one run removed, all from before `cutoff`."""

    attempts: int
    verifications: int
    cutoff: datetime


def prune(older_than: timedelta, tell: Callable[[int, int], None] = lambda done, of: None) -> Pruned:
    """Remove attempts and verifications that are older, in small transactions; those in no roll-up yet stay.

    Removes whole blocks of the chain, oldest first, so some attempts that are old enough may wait for their block.
    Alerts not seen since go as well. Deliveries of nobody's attempts stay: they hold a price that no roll-up has, and
    neither number nor person.
    `tell` hears of blocks done and blocks in all.

    :raises NotRolledUp: before the first roll-up
    """
    if (until := rolled_up_until()) is None:
        raise NotRolledUp
    seal()
    cutoff = min(timezone.now() - older_than, until)
    attempts = 0
    of = len(list(_find_old_blocks(cutoff)))
    done = 0
    while count := _prune_blocks(cutoff):
        attempts += count[1]
        done += count[0]
        tell(done, of)
    _prune_payments(cutoff)
    Alert.objects.filter(last_seen_at__lt=cutoff).delete()
    return Pruned(attempts, _prune_verifications(cutoff), cutoff)


def count_traces(user_id: int | None, destinations: Iterable[Destination]) -> int:
    """Say how many attempts `erase` would take the person out of."""
    return VerificationAttempt.objects.filter(_of(user_id, destinations)).count()


def erase(user_id: int | None, destinations: Iterable[Destination]) -> int:
    """Take a person out of every attempt and verification: of theirs, and of nobody's to these destinations.

    What stays can be counted and leads to nobody. All of it or nothing: one transaction. Gives how many attempts.
    """
    about = _of(user_id, list(destinations))
    with chain_transaction(), opened():
        erased: list[int] = []
        for ids in _slices(VerificationAttempt.objects.filter(about).order_by("pk")):
            VerificationAttempt.objects.filter(pk__in=ids).update(**ERASED)
            Delivery.objects.filter(attempt__in=ids).update(verification_sid="")
            _seal_erased(ids)
            erased += ids
        # First, or rows of one use would be in each other's way.
        Verification.objects.filter(about).cancel_all()
        Verification.objects.filter(about).update(**ERASED_VERIFICATION)
        if user_id is not None:
            payments = TransactionApproval.objects.filter(user_id=user_id)
            payments.cancel_all()
            payments.update(user=None, payee="", reference="")
        if erased:
            append(BlockKind.ERASED, row_count=len(erased), members=digests.write_ranges(sorted(erased)))
    return len(erased)


def _of(user_id: int | None, destinations: Iterable[Destination]) -> Q:
    hashes = [found for destination in destinations for found in destination.hashes]
    about = Q(user_id=None, destination_hash__in=hashes)
    return about | Q(user_id=user_id) if user_id is not None else about


def _slices(rows: QuerySet[VerificationAttempt]) -> Iterator[list[int]]:
    """Give the ids a slice at a time; each is gone from the rows by the time the next is read."""
    while ids := list(rows.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        yield ids


def _seal_erased(ids: list[int]) -> None:
    """Keep each seal, and put beside it the digest of what is left."""
    key = settings.OTP_AUDIT_KEYS[0]
    fields = digests.ROW_FIELDS[digests.ROW_VERSION]
    rows = {row[0]: row for row in VerificationAttempt.objects.filter(pk__in=ids).values_list("pk", *fields)}
    seals = list(AuditSeal.objects.filter(attempt_id__in=ids))
    for found in seals:
        digest = digests.digest_row(key, digests.ROW_VERSION, rows[found.attempt_id][1:])
        found.erased = f"{digests.ROW_VERSION}:{digests.get_key_id(key)}:{digest.hex()}"
    AuditSeal.objects.bulk_update(seals, ["erased"])


def _find_old_blocks(cutoff: datetime) -> Iterator[AuditBlock]:
    newest = AuditBlock.objects.order_by("-number").first()
    if newest is None:
        return
    blocks = AuditBlock.objects.filter(kind=BlockKind.ROWS, number__gt=newest.pruned_through).order_by("number")
    for block in blocks.iterator(chunk_size=100):
        if block.newest_at is None or block.newest_at >= cutoff:
            return
        yield block


def _prune_blocks(cutoff: datetime) -> tuple[int, int] | None:
    """Remove a few blocks' attempts and their seals; gives how many blocks and attempts, None when nothing is left."""
    with chain_transaction():
        blocks = list(islice(_find_old_blocks(cutoff), BLOCKS_AT_ONCE))
        if not blocks:
            return None
        count = 0
        with opened():
            for block in blocks:
                seals = AuditSeal.objects.filter(block=block)
                rows = VerificationAttempt.objects.filter(pk__in=list(seals.values_list("pk", flat=True)))
                count += rows.delete()[1].get(VerificationAttempt._meta.label, 0)
                seals.delete()
            append(BlockKind.PRUNED, row_count=count, pruned_through=blocks[-1].number)
    return len(blocks), count


def _prune_payments(cutoff: datetime) -> None:
    """Remove payments that are over and of which no attempt is left."""
    attempts = VerificationAttempt.objects.filter(approval=OuterRef("pk"))
    old = TransactionApproval.objects.filter(~Exists(attempts), created_at__lt=cutoff, expires_at__lt=cutoff)
    while ids := list(old.order_by("created_at").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        TransactionApproval.objects.filter(pk__in=ids).delete()


def _prune_verifications(cutoff: datetime) -> int:
    """Remove verifications that are over and of which no attempt is left."""
    attempts = VerificationAttempt.objects.filter(verification=OuterRef("pk"))
    old = Verification.objects.filter(~Exists(attempts), created_at__lt=cutoff, expires_at__lt=cutoff)
    count = 0
    while ids := list(old.order_by("created_at").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        count += Verification.objects.filter(pk__in=ids).delete()[1].get(Verification._meta.label, 0)
    return count
