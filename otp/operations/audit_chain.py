"""Sealing attempts into the chain. `verify` and its quick sister are in `otp.operations.audit_verification`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from otp.models import AuditBlock, AuditSeal, VerificationAttempt
from otp.models.attempt import Outcome
from otp.models.audit_chain import BlockKind
from otp.operations import audit_digests as digests
from otp.operations.audit_guard import chain_transaction

logger = logging.getLogger(__name__)

BLOCK_SIZE = 1000
# An attempt is settled within seconds, or never: what is `crashed` for this long stays it. Likewise, whatever got its
# id this long ago is committed or never will be.
SETTLING_TIME = timedelta(hours=1)
FIELDS = digests.ROW_FIELDS[digests.ROW_VERSION]
ID, CREATED_AT = FIELDS.index("id"), FIELDS.index("created_at")


@dataclass(frozen=True)
class Sealed:
    """What one run did. `head` is `number:digest` of the newest block, '' while there is none."""

    rows: int
    blocks: int
    head: str


def seal(tell: Callable[[int], None] = lambda rows: None) -> Sealed:
    """Seal every attempt that is settled, in blocks. Two runs at once do the work once; `tell` hears of each block."""
    rows = blocks = cursor = 0
    while True:
        with chain_transaction():
            cursor, count = _seal_next(cursor)
        if not count:
            break
        rows, blocks = rows + count, blocks + 1
        tell(rows)
        if count < BLOCK_SIZE:
            break
    head = get_head()
    if rows:
        # Kept where logs are kept, it shows later that nobody has cut the end of the chain off.
        logger.info("Audit sealed: %s attempts, head %s", rows, head)
    return Sealed(rows, blocks, head)


def get_head() -> str:
    """Give the number and the digest of the newest block, `17:ab…`: whoever keeps it elsewhere can prove the chain."""
    newest = AuditBlock.objects.order_by("-number").first()
    return f"{newest.number}:{newest.digest}" if newest else ""


def append(kind: str, **fields: Any) -> AuditBlock:
    """Add a block under the first of OTP_AUDIT_KEYS. Only inside `chain_transaction()`."""
    previous = AuditBlock.objects.order_by("-number").first()
    key = settings.OTP_AUDIT_KEYS[0]
    block = AuditBlock(
        **{
            "number": previous.number + 1 if previous else 1,
            "kind": kind,
            "created_at": timezone.now(),
            "floor_id": previous.floor_id if previous else 0,
            "pruned_through": previous.pruned_through if previous else 0,
            "row_version": digests.ROW_VERSION,
            "key_id": digests.get_key_id(key),
            **fields,
        }
    )
    block.digest = digests.digest_block(key, previous.digest if previous else "", block)
    block.save(force_insert=True)
    return block


def unsealed() -> QuerySet[VerificationAttempt]:
    return VerificationAttempt.objects.filter(~Exists(AuditSeal.objects.filter(attempt_id=OuterRef("pk"))))


def _seal_next(cursor: int) -> tuple[int, int]:
    """Seal one block of attempts with ids above the cursor; gives the new cursor, and how many they were."""
    now = timezone.now()
    newest = AuditBlock.objects.order_by("-number").first()
    floor = max(newest.floor_id if newest else 0, _find_settled_id(now))
    # Ids below the floor come first: an attempt that was committed late must not stay out for good.
    rows = list(
        unsealed()
        .filter(pk__gt=max(cursor, newest.floor_id if newest else 0))
        .filter(~Q(outcome=Outcome.CRASHED) | Q(created_at__lt=now - SETTLING_TIME) | Q(pk__lte=floor))
        .order_by("pk")
        .values_list(*FIELDS)[:BLOCK_SIZE]
    )
    if not rows:
        return cursor, 0
    ids = [row[ID] for row in rows]
    key = settings.OTP_AUDIT_KEYS[0]
    sealed = [digests.digest_row(key, digests.ROW_VERSION, row) for row in rows]
    block = append(
        BlockKind.ROWS,
        row_count=len(rows),
        members=digests.write_ranges(ids),
        newest_at=max(row[CREATED_AT] for row in rows),
        floor_id=min(floor, ids[-1]) if len(rows) == BLOCK_SIZE else floor,
        root=digests.digest_seals(key, sealed),
    )
    AuditSeal.objects.bulk_create(
        AuditSeal(attempt_id=pk, block=block, digest=digest) for pk, digest in zip(ids, sealed, strict=True)
    )
    return ids[-1], len(rows)


def _find_settled_id(now: datetime) -> int:
    """Find the last id that was sealed so long ago that no attempt with a lower one can still be on its way."""
    block = (
        AuditBlock.objects.filter(kind=BlockKind.ROWS, created_at__lte=now - SETTLING_TIME).order_by("-number").first()
    )
    return digests.read_last(block.members) if block else 0
