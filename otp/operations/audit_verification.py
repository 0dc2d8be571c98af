"""Finding out whether anybody has touched the audit: every sealed attempt, and the chain itself. Public."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet, TextChoices
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from otp.models import AuditBlock, AuditSeal, VerificationAttempt
from otp.models.audit_chain import BlockKind
from otp.operations import audit_digests as digests
from otp.operations import audit_guard
from otp.operations.audit_chain import unsealed

# What `verify_recent` looks at: enough for hours of a busy site, and done in well under a second.
RECENT_BLOCKS = 10
# Of a hole in the chain this many blocks are named.
MOST_GAPS = 100


class FaultKind(TextChoices):
    ROW_CHANGED = "row_changed", _("Attempt %(id)s was changed after it was sealed.")
    ROW_REMOVED = "row_removed", _("Attempt %(id)s was removed.")
    ROW_INSERTED = "row_inserted", _("Attempt %(id)s was put in among those that were sealed before.")
    SEAL_REMOVED = "seal_removed", _("Attempt %(id)s has lost its seal.")
    BLOCK_CHANGED = "block_changed", _("Block %(id)s of the chain was changed.")
    BLOCK_REMOVED = "block_removed", _("Block %(id)s of the chain is missing.")
    KEY_UNKNOWN = "key_unknown", _("Block %(id)s was sealed under a key that OTP_AUDIT_KEYS no longer has.")
    GUARD_MISSING = "guard_missing", _("The database does not guard sealed attempts (%(id)s): run migrate.")
    GUARD_OPEN = "guard_open", _("The guard of sealed attempts was left open.")


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was sealed. `id` is an attempt's, a block's number, or the name of a trigger."""

    kind: FaultKind
    id: int | str = ""

    def __str__(self) -> str:
        return str(self.kind.label) % {"id": self.id}


def verify(tell: Callable[[int, int], None] = lambda done, of: None) -> Iterator[Fault]:
    """Go through the whole chain and every attempt in it. `tell` hears of each block: blocks done, blocks in all.

    Rows put in during the last hour before the newest block cannot be told from late ones; nor can rows that were
    changed before they were sealed.
    """
    yield from _check_guard()
    blocks = AuditBlock.objects.order_by("number")
    if newest := blocks.last():
        named = set()
        for fault in _check(blocks, newest, tell):
            named.add(fault.id)
            yield fault
        # What has no seal though all around it does. One that lost its seal was named already.
        strangers = unsealed().filter(pk__lte=newest.floor_id).order_by("pk").values_list("pk", flat=True)
        for pk in strangers.iterator(chunk_size=1000):
            if pk not in named:
                yield Fault(FaultKind.ROW_INSERTED, pk)


def verify_recent() -> list[Fault]:
    """Check the guard and the newest blocks with their attempts: cheap enough for every few minutes.

    What was done to older attempts is found by `verify`.
    """
    faults = list(_check_guard())
    numbers = list(AuditBlock.objects.order_by("-number").values_list("number", flat=True)[:RECENT_BLOCKS])
    if numbers:
        blocks = AuditBlock.objects.filter(number__in=numbers).order_by("number")
        faults += _check(blocks, blocks.get(number=numbers[0]))
    return faults


def has_block(head: str) -> bool:
    """Tell whether the chain still has a block that was noted elsewhere, as `number:digest`."""
    number, _, digest = head.partition(":")
    block = AuditBlock.objects.filter(number=int(number)).first() if number.isdecimal() else None
    return bool(block and constant_time_compare(block.digest, digest))


def _check_guard() -> Iterator[Fault]:
    for name in audit_guard.find_missing_triggers():
        yield Fault(FaultKind.GUARD_MISSING, name)
    if audit_guard.is_open():
        yield Fault(FaultKind.GUARD_OPEN)


def _check(
    blocks: QuerySet[AuditBlock], newest: AuditBlock, tell: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Fault]:
    """Check some blocks in a row, then the attempts that they sealed."""
    distrusted: set[int | str] = set()
    for fault in _check_chain(blocks):
        distrusted.add(fault.id)
        yield fault
    standing = blocks.filter(kind=BlockKind.ROWS, number__gt=newest.pruned_through)
    count = standing.count()
    for done, block in enumerate(standing.iterator(chunk_size=100), 1):
        is_trusted = block.number not in distrusted
        # Twice, before it is said aloud: somebody may be pruned or erased by right at this moment.
        if list(_check_rows(block, is_trusted=is_trusted)) and not _is_pruned(block):
            yield from _check_rows(block, is_trusted=is_trusted)
        tell(done, count)


def _is_pruned(block: AuditBlock) -> bool:
    return AuditBlock.objects.filter(kind=BlockKind.PRUNED, pruned_through__gte=block.number).exists()


def _check_chain(blocks: QuerySet[AuditBlock]) -> Iterator[Fault]:
    keys = digests.get_keys_by_id()
    before = None
    for block in blocks.iterator(chunk_size=500):
        if before is None:
            before = AuditBlock.objects.filter(number=block.number - 1).first() or AuditBlock(number=0, digest="")
        gap = range(before.number + 1, block.number)
        for missing in gap[:MOST_GAPS]:
            yield Fault(FaultKind.BLOCK_REMOVED, missing)
        if (key := keys.get(block.key_id)) is None:
            yield Fault(FaultKind.KEY_UNKNOWN, block.number)
        # After a gap a block cannot be told right or wrong; what comes after it can.
        elif not gap and not constant_time_compare(digests.digest_block(key, before.digest, block), block.digest):
            yield Fault(FaultKind.BLOCK_CHANGED, block.number)
        before = block


def _check_rows(block: AuditBlock, *, is_trusted: bool) -> Iterator[Fault]:
    """Compare the attempts of one block with their seals. Where the block lies, the seals alone say which they are."""
    keys = digests.get_keys_by_id()
    if (key := keys.get(block.key_id)) is None or block.row_version not in digests.ROW_FIELDS:
        return
    seals = {seal.attempt_id: seal for seal in AuditSeal.objects.filter(block=block).order_by("attempt_id")}
    members = digests.read_ranges(block.members) if is_trusted else list(seals)
    rows = _read_rows(members, block.row_version)
    for pk in members:
        if pk not in rows:
            yield Fault(FaultKind.ROW_REMOVED, pk)
        elif pk not in seals:
            yield Fault(FaultKind.SEAL_REMOVED, pk)
        elif not _is_as_sealed(seals[pk], key, block.row_version, rows[pk], keys):
            yield Fault(FaultKind.ROW_CHANGED, pk)
    for pk in sorted(seals.keys() - set(members)):
        yield Fault(FaultKind.ROW_INSERTED, pk)
    if is_trusted and seals.keys() == set(members) and not _is_root(block, key, seals):
        yield Fault(FaultKind.BLOCK_CHANGED, block.number)


def _is_root(block: AuditBlock, key: str, seals: dict[int, AuditSeal]) -> bool:
    # SECURITY: this ties the seals into the chain: with an old key alone nobody can make them anew.
    root = digests.digest_seals(key, (bytes(seal.digest) for seal in seals.values()))
    return constant_time_compare(root, block.root)


def _is_as_sealed(seal: AuditSeal, key: str, version: int, row: tuple, keys: dict[str, str]) -> bool:
    digest = bytes(seal.digest).hex()
    if seal.erased:
        # SECURITY: a digest of what is left counts only where the chain itself says that this one was erased.
        if not _is_erased(seal.attempt_id):
            return False
        erased_version, key_id, digest = seal.erased.split(":")
        key, version = keys.get(key_id, ""), int(erased_version)
        (row,) = _read_rows([seal.attempt_id], version).values()
    return bool(key) and constant_time_compare(digests.digest_row(key, version, row).hex(), digest)


def _is_erased(pk: int) -> bool:
    members = AuditBlock.objects.filter(kind=BlockKind.ERASED).values_list("members", flat=True)
    return any(digests.has_member(text, pk) for text in members.iterator(chunk_size=500))


def _read_rows(ids: list[int], version: int) -> dict[int, tuple]:
    fields = digests.ROW_FIELDS[version]
    place = fields.index("id")
    return {row[place]: row for row in VerificationAttempt.objects.filter(pk__in=ids).values_list(*fields)}
