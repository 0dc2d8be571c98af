"""The audit chain: what is sealed, what the database refuses, what `verify_audit` finds."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from otp.models import AuditBlock, AuditOpening, AuditSeal, VerificationAttempt
from otp.operations import audit_chain, audit_digests, audit_guard
from otp.operations.audit_chain import seal
from otp.operations.audit_verification import Fault, FaultKind, has_block, verify, verify_recent

pytestmark = pytest.mark.django_db
VERSION = audit_digests.ROW_VERSION
# Written out: every process of a run in parallel must give the tests the same names.
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
OLD_KEY, NEW_KEY = "the-old-key-of-the-audit", "the-new-key-of-the-audit"


def make_attempts(count=3, **fields):
    return [
        VerificationAttempt.objects.create(
            **{"kind": "send", "outcome": "ok", "destination_masked": "+1 ••• ••• 0123", "user_agent": "é", **fields}
        )
        for _ in range(count)
    ]


@pytest.fixture
def sealed(settings):
    """Three attempts in one block that is older than an hour."""
    settings.OTP_AUDIT_KEYS = [OLD_KEY]
    attempts = make_attempts(client_address="2001:db8::7", duration_ms=120, cost="0.05")
    seal()
    return attempts


@pytest.fixture
def _unguarded():
    """The guard is out of the way, as for somebody who may alter tables."""
    AuditOpening.objects.create()


def tell(faults):
    return {(fault.kind.value, fault.id) for fault in faults if fault.kind != FaultKind.GUARD_OPEN}


def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def let_an_hour_pass(monkeypatch):
    """Make what is sealed already older than the hour in which rows may come late."""
    monkeypatch.setattr(audit_chain, "SETTLING_TIME", timedelta(0))


class TestFields:
    def test_every_field_of_a_block_is_in_its_digest(self):
        fields = {field.attname for field in AuditBlock._meta.concrete_fields}

        assert {*audit_digests.BLOCK_FIELDS} == fields - {"digest"}

    @pytest.mark.parametrize("ids", [[], [7], [1, 2, 3], [1, 3, 4, 9]])
    def test_ranges_come_back_as_they_were(self, ids):
        assert audit_digests.read_ranges(audit_digests.write_ranges(ids)) == ids

    def test_ranges_are_brief(self):
        assert audit_digests.write_ranges([1, 2, 3, 5]) == "1-3,5"


class TestSeal:
    @pytest.mark.requirement("AUD-02")
    def test_seals_each_attempt_once(self):
        first = make_attempts(2)
        assert seal().rows == 2

        second = make_attempts(1)
        assert (seal().rows, seal().rows) == (1, 0)

        assert list(AuditBlock.objects.values_list("number", "row_count")) == [(1, 2), (2, 1)]
        assert set(AuditSeal.objects.values_list("attempt_id", "block")) == {
            (first[0].pk, 1),
            (first[1].pk, 1),
            (second[0].pk, 2),
        }
        assert list(verify()) == []

    def test_seals_many_in_blocks(self, monkeypatch):
        monkeypatch.setattr(audit_chain, "BLOCK_SIZE", 4)
        make_attempts(9)

        assert (seal().blocks, AuditBlock.objects.count()) == (3, 3)
        assert list(verify()) == []

    def test_takes_the_same_number_of_queries_for_many(self, django_assert_num_queries):
        make_attempts(50)

        with django_assert_num_queries(10 if connection.vendor == "postgresql" else 9):
            seal()

    @pytest.mark.requirement("AUD-02", "AUD-03")
    def test_leaves_an_open_attempt_until_it_is_settled_or_an_hour_old(self):
        (young,) = make_attempts(1, outcome="crashed")
        (old,) = make_attempts(1, outcome="crashed", created_at=timezone.now() - timedelta(hours=2))
        seal()
        assert list(AuditSeal.objects.values_list("attempt_id", flat=True)) == [old.pk]

        VerificationAttempt.objects.filter(pk=young.pk).update(outcome="ok")
        seal()
        assert AuditSeal.objects.filter(attempt_id=young.pk).exists()
        assert list(verify()) == []

    @pytest.mark.requirement("AUD-02")
    def test_takes_an_attempt_that_comes_late_with_a_lower_id(self):
        first, late, last = make_attempts(3)
        late_id = late.pk
        late.delete()
        seal()
        assert first.pk < late_id < last.pk

        make_attempts(1, id=late_id)
        assert seal().rows == 1
        assert AuditBlock.objects.get(number=2).members == str(late_id)
        assert list(verify()) == []

    def test_says_the_head(self, caplog):
        make_attempts(1)
        caplog.set_level("INFO", "otp.operations.audit_chain")

        printed = run("seal_audit")

        digest = AuditBlock.objects.get().digest
        assert f"Sealed 1 attempts in 1 blocks.\nHead: 1:{digest}" in printed
        assert f"head 1:{digest}" in caplog.text

    def test_nothing_to_seal_is_no_block(self):
        assert run("seal_audit") == "Sealed 0 attempts in 0 blocks.\n"
        assert not AuditBlock.objects.exists()


@pytest.mark.requirement("AUD-02")
class TestGuard:
    def refuses(self, change):
        with pytest.raises(IntegrityError, match="neither changed nor removed"), transaction.atomic():
            change()

    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "incorrect_code"},
            {"created_at": EARLIER},
            {"user_id": 7},
            {"cost": 0},
            {"destination_hash": "0"},
            {"client_address": None},
            {"id": 99_999},
        ],
        ids=str,
    )
    def test_refuses_to_change_a_sealed_attempt(self, change, sealed):
        self.refuses(lambda: VerificationAttempt.objects.filter(pk=sealed[0].pk).update(**change))

    def test_refuses_to_remove_one(self, sealed):
        self.refuses(sealed[1].delete)
        self.refuses(VerificationAttempt.objects.all().delete)

    def test_lets_alone_what_changes_nothing(self, sealed):
        sealed[0].refresh_from_db()
        sealed[0].save()

    def test_lets_an_unsealed_attempt_be_settled(self, sealed):
        (attempt,) = make_attempts(1, outcome="crashed")

        assert VerificationAttempt.objects.filter(pk=attempt.pk).update(outcome="ok") == 1

    @pytest.mark.parametrize("model", [AuditSeal, AuditBlock])
    def test_refuses_to_change_the_chain(self, model, sealed):
        name = "digest"
        value = b"0" if model is AuditSeal else "0"
        self.refuses(lambda: model.objects.update(**{name: value}))
        self.refuses(lambda: model.objects.all()._raw_delete("default"))

    def test_opens_for_one_procedure_and_shuts_behind_it(self, sealed):
        with audit_guard.chain_transaction(), audit_guard.opened():
            VerificationAttempt.objects.filter(pk=sealed[0].pk).update(client_address=None)

        assert not audit_guard.is_open()
        self.refuses(sealed[1].delete)

    def test_is_missed_and_put_back(self):
        from otp.checks import check_audit_guard

        assert check_audit_guard(databases=["default"]) == []
        with connection.cursor() as cursor:
            where = "" if connection.vendor == "sqlite" else " ON otp_auditseal"
            name = "otp_guard_seal_delete" if connection.vendor == "sqlite" else "otp_guard_seal"
            cursor.execute(f"DROP TRIGGER {name}{where}")

        (found,) = check_audit_guard(databases=["default"])
        assert (found.id, name in found.msg) == ("otp.W041", True)
        assert tell(verify_recent()) == {("guard_missing", name)}

        audit_guard.install()
        assert check_audit_guard(databases=["default"]) == []

    def test_deleting_a_person_leaves_their_attempts_as_they_are(self, django_user_model):
        user = django_user_model.objects.create_user("ann@example.com")
        (attempt,) = make_attempts(1, user=user)
        seal()
        number = user.pk

        user.delete()

        attempt.refresh_from_db()
        assert attempt.user_id == number
        assert list(verify()) == []


@pytest.mark.requirement("AUD-02")
@pytest.mark.usefixtures("_unguarded")
class TestVerify:
    """What somebody did who got past the guard."""

    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "incorrect_code"},
            {"reason": "x"},
            {"user_id": 7},
            {"client_address": "2001:db8::8"},
            {"cost": "0.06"},
            {"destination_masked": "+1 ••• ••• 0124"},
            {"duration_ms": None},
            {"created_at": EARLIER},
        ],
        ids=str,
    )
    def test_finds_an_edited_row(self, change, sealed):
        VerificationAttempt.objects.filter(pk=sealed[1].pk).update(**change)

        assert tell(verify()) == tell(verify_recent()) == {("row_changed", sealed[1].pk)}

    def test_finds_a_removed_row(self, sealed):
        number = sealed[1].pk
        sealed[1].delete()

        assert tell(verify()) == tell(verify_recent()) == {("row_removed", number)}

    def test_finds_a_row_removed_together_with_its_seal(self, sealed):
        number = sealed[1].pk
        AuditSeal.objects.filter(attempt_id=number).delete()
        sealed[1].delete()

        assert tell(verify()) == {("row_removed", number)}

    def test_finds_an_inserted_row(self, sealed, monkeypatch):
        first, gap, _ = make_attempts(3)
        number = gap.pk
        gap.delete()
        seal()
        let_an_hour_pass(monkeypatch)
        make_attempts(1)
        seal()
        assert tell(verify()) == set()

        make_attempts(1, id=number, created_at=first.created_at)
        assert seal().rows == 0
        assert tell(verify()) == {("row_inserted", number)}

    def test_finds_a_row_inserted_with_a_made_up_seal(self, sealed):
        (attempt,) = make_attempts(1)
        AuditSeal.objects.create(attempt_id=attempt.pk, block_id=1, digest=b"0" * 32)

        assert tell(verify()) == {("row_inserted", attempt.pk)}

    def test_finds_a_seal_that_is_gone(self, sealed):
        AuditSeal.objects.filter(attempt_id=sealed[0].pk).delete()

        assert tell(verify()) == {("seal_removed", sealed[0].pk)}

    def test_finds_rows_that_changed_places(self, sealed):
        first, second, _ = sealed
        VerificationAttempt.objects.filter(pk=first.pk).update(id=99_999)
        VerificationAttempt.objects.filter(pk=second.pk).update(id=first.pk)
        VerificationAttempt.objects.filter(pk=99_999).update(id=second.pk)

        assert tell(verify()) == {("row_changed", first.pk), ("row_changed", second.pk)}

    @pytest.mark.parametrize(
        "change",
        [{"members": ""}, {"row_count": 2}, {"floor_id": 0}, {"pruned_through": 1}, {"kind": "pruned"}],
        ids=str,
    )
    def test_finds_a_changed_block(self, change, sealed):
        make_attempts(1)
        seal()
        AuditBlock.objects.filter(number=1).update(**{**change, "newest_at": timezone.now()})

        assert ("block_changed", 1) in tell(verify())

    def test_a_changed_block_does_not_hide_a_changed_row(self, sealed):
        AuditBlock.objects.update(members="1-99999999999")
        VerificationAttempt.objects.filter(pk=sealed[0].pk).update(reason="x")

        assert tell(verify()) == {("block_changed", 1), ("row_changed", sealed[0].pk)}

    def test_finds_a_missing_block(self, sealed):
        for _ in range(2):
            make_attempts(1)
            seal()
        AuditSeal.objects.filter(block=2).delete()
        AuditBlock.objects.filter(number=2).delete()

        assert tell(verify()) == tell(verify_recent()) == {("block_removed", 2)}

    def test_finds_an_end_that_was_cut_off_by_a_head_kept_elsewhere(self, sealed):
        make_attempts(1)
        head = seal().head
        assert has_block(head)
        AuditSeal.objects.filter(block=2).delete()
        AuditBlock.objects.filter(number=2).delete()

        assert not has_block(head)
        with pytest.raises(CommandError):
            run("verify_audit", "--expect", head)

    def test_needs_the_key_to_seal_a_changed_row_anew(self, sealed, settings):
        VerificationAttempt.objects.filter(pk=sealed[0].pk).update(reason="x")
        row = VerificationAttempt.objects.filter(pk=sealed[0].pk).values_list(*audit_digests.ROW_FIELDS[VERSION]).get()
        forged = audit_digests.digest_row("a-guess-at-what-the-key-is", VERSION, row)
        AuditSeal.objects.filter(attempt_id=sealed[0].pk).update(digest=forged)

        assert ("row_changed", sealed[0].pk) in tell(verify())

    def test_an_old_key_alone_does_not_suffice(self, sealed, settings):
        settings.OTP_AUDIT_KEYS = [NEW_KEY, OLD_KEY]
        make_attempts(1)
        seal()
        VerificationAttempt.objects.filter(pk=sealed[0].pk).update(reason="x")
        row = VerificationAttempt.objects.filter(pk=sealed[0].pk).values_list(*audit_digests.ROW_FIELDS[VERSION]).get()
        AuditSeal.objects.filter(attempt_id=sealed[0].pk).update(digest=audit_digests.digest_row(OLD_KEY, VERSION, row))
        assert tell(verify()) == {("block_changed", 1)}

        block = AuditBlock.objects.get(number=1)
        seals = AuditSeal.objects.filter(block=1).order_by("attempt_id").values_list("digest", flat=True)
        block.root = audit_digests.digest_seals(OLD_KEY, map(bytes, seals))
        block.digest = audit_digests.digest_block(OLD_KEY, "", block)
        block.save()
        assert tell(verify()) == {("block_changed", 2)}

    def test_finds_the_guard_left_open(self):
        assert Fault(FaultKind.GUARD_OPEN) in verify_recent()

    def test_recent_takes_few_queries(self, sealed, django_assert_max_num_queries):
        with django_assert_max_num_queries(12):
            verify_recent()


@pytest.mark.requirement("AUD-02")
class TestKeys:
    def test_rotation_keeps_what_is_sealed_verifiable(self, sealed, settings):
        settings.OTP_AUDIT_KEYS = [NEW_KEY, OLD_KEY]
        make_attempts(1)
        seal()
        assert list(verify()) == []
        assert AuditBlock.objects.values("key_id").distinct().count() == 2

        settings.OTP_AUDIT_KEYS = [NEW_KEY]
        assert tell(verify()) == {("key_unknown", 1)}

    def test_names_of_keys_do_not_tell_them(self):
        assert OLD_KEY not in audit_digests.get_key_id(OLD_KEY)
        assert len(audit_digests.get_key_id(OLD_KEY)) == 12


class TestCommand:
    def test_says_that_all_is_well(self, sealed):
        assert run("verify_audit").startswith("The audit is as it was sealed. Head: 1:")
        assert run("verify_audit", "--recent").startswith("The audit is as it was sealed.")

    @pytest.mark.requirement("AUD-02")
    @pytest.mark.usefixtures("_unguarded")
    def test_says_which_row_and_fails(self, sealed):
        VerificationAttempt.objects.filter(pk=sealed[2].pk).update(reason="x")
        AuditOpening.objects.all().delete()
        out = StringIO()

        with pytest.raises(CommandError, match="1 faults"):
            call_command("verify_audit", stdout=out)
        assert f"Attempt {sealed[2].pk} was changed after it was sealed." in out.getvalue()
