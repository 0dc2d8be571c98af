"""Pruning old attempts and erasing a person: the chain stays verifiable, the sums stay whole."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from accounts.models import SecurityEvent
from accounts.models.event import hash_typed
from accounts.tests.people import NUMBER, make_person, with_totp
from otp.destinations import parse_destination
from otp.models import (
    Alert,
    AuditBlock,
    AuditOpening,
    AuditSeal,
    Delivery,
    HourlyTotal,
    Progress,
    Verification,
    VerificationAttempt,
)
from otp.operations import audit_chain, retention
from otp.operations.audit_chain import seal
from otp.operations.audit_verification import FaultKind, verify, verify_recent
from otp.operations.totals import roll_up
from otp.tests.records import make_attempt, make_check, make_verification

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out, stderr=StringIO())
    return out.getvalue()


def find_faults():
    return [(fault.kind.value, fault.id) for fault in verify() if fault.kind != FaultKind.GUARD_OPEN]


@pytest.fixture
def attempts():
    """Attempts of 400, 40 and 4 days ago, sealed one block after the other, and rolled up."""
    made = []
    for days in (400, 40, 4):
        made.append(make_attempt(ago=days * DAY))
        seal()
    roll_up()
    return made


@pytest.mark.requirement("AUD-08")
class TestPrune:
    def test_removes_what_is_older_and_keeps_sums_and_chain(self, attempts):
        assert "Removed 1 attempts and 0 verifications" in run("prune_attempts", "--older-than", "365")

        assert set(VerificationAttempt.objects.all()) == set(attempts[1:])
        assert set(AuditSeal.objects.values_list("attempt_id", flat=True)) == {row.pk for row in attempts[1:]}
        assert HourlyTotal.objects.aggregate(sum=Sum("count"))["sum"] == 3
        assert list(verify()) == verify_recent() == []

        assert "Removed 0 attempts" in run("prune_attempts", "--older-than", "365")
        assert "Removed 1 attempts" in run("prune_attempts", "--older-than", "30")
        assert list(verify()) == []
        assert list(AuditBlock.objects.values_list("kind", "pruned_through")) == [
            ("rows", 0),
            ("rows", 0),
            ("rows", 0),
            ("pruned", 1),
            ("pruned", 2),
        ]

    def test_goes_in_small_transactions(self, monkeypatch):
        monkeypatch.setattr(audit_chain, "BLOCK_SIZE", 2)
        monkeypatch.setattr(retention, "BLOCKS_AT_ONCE", 2)
        for _ in range(9):
            make_attempt(ago=9 * DAY)
        seal()
        roll_up()
        seen = []

        pruned = retention.prune(5 * DAY, lambda done, of: seen.append((done, of)))

        assert (pruned.attempts, seen) == (9, [(2, 5), (4, 5), (5, 5)])
        assert AuditBlock.objects.filter(kind="pruned").count() == 3
        assert list(verify()) == []

    def test_seals_first_what_is_not_sealed(self):
        make_attempt(ago=9 * DAY)
        roll_up()

        assert "Removed 1 attempts" in run("prune_attempts", "--older-than", "5")
        assert list(verify()) == []

    def test_never_goes_past_the_roll_ups(self, attempts):
        Progress.objects.update(until=timezone.now() - 300 * DAY)
        assert retention.prune(3 * DAY).attempts == 1

        Progress.objects.all().delete()
        with pytest.raises(CommandError, match="roll_up"):
            run("prune_attempts", "--older-than", "3")
        assert VerificationAttempt.objects.count() == 2

    def test_keeps_what_limits_count(self):
        with pytest.raises(CommandError, match="2 days"):
            run("prune_attempts", "--older-than", "1")

    def test_takes_deliveries_and_verifications_that_are_left_alone(self):
        old, young = timezone.now() - 400 * DAY, timezone.now()
        rows = [make_verification(number) for number in (NUMBER, "+12025550124")]
        Verification.objects.filter(pk=rows[0].pk).update(created_at=old, expires_at=old)
        attempt = make_attempt(at=old, verification=rows[0])
        Delivery.objects.create(attempt_sid="VL1", attempt=attempt, created_at=old, synced_at=old)
        seal()
        make_attempt(at=young, verification=rows[1])
        roll_up()

        pruned = retention.prune(365 * DAY)

        assert (pruned.attempts, pruned.verifications) == (1, 1)
        assert Verification.objects.get() == rows[1]
        assert not Delivery.objects.exists()

    def test_takes_alerts_that_were_not_seen_again_and_keeps_prices_of_others(self, attempts):
        old, young = timezone.now() - 366 * DAY, timezone.now()
        Alert.objects.create(rule="conversion", subject="GB", first_seen_at=old, last_seen_at=old)
        seen = Alert.objects.create(rule="conversion", subject="US", first_seen_at=old, last_seen_at=young)
        # Its price is in no roll-up: a report of that month needs the row.
        Delivery.objects.create(attempt_sid="VL1", price="0.05", currency="USD", created_at=old, synced_at=old)

        retention.prune(365 * DAY)

        assert Alert.objects.get() == seen
        assert Delivery.objects.get().attempt_sid == "VL1"

    @pytest.mark.requirement("AUD-02")
    def test_a_removal_that_says_it_was_pruning_is_found(self, attempts):
        AuditOpening.objects.create()
        attempts[0].delete()
        AuditSeal.objects.filter(block=1).delete()
        block = AuditBlock.objects.get(number=3)
        AuditBlock.objects.create(
            number=4,
            kind="pruned",
            row_count=1,
            pruned_through=1,
            row_version=block.row_version,
            key_id=block.key_id,
            digest="0" * 64,
            floor_id=block.floor_id,
        )

        assert find_faults() == [("block_changed", 4)]

    def test_a_row_put_back_after_pruning_is_found(self, attempts, monkeypatch):
        monkeypatch.setattr(audit_chain, "SETTLING_TIME", timedelta(0))
        make_attempt()
        seal()
        retention.prune(365 * DAY)

        make_attempt(id=attempts[0].pk)

        assert find_faults() == [("row_inserted", attempts[0].pk)]


class TestErase:
    @pytest.fixture
    def ann(self):
        """Ann, with attempts before she had an account, as its owner, and unsealed; and what must stay: Bob's."""
        ann = with_totp(make_person())
        bob = make_person("bob@example.com", "+12025550124")
        phone = parse_destination(NUMBER)
        personal = {
            "destination_hash": phone.hash,
            "client_address": "198.51.100.7",
            "user_agent": "Ann's phone",
            "verification_sid": "VE" + "a" * 32,
            "attempt_sid": "VL" + "a" * 32,
            "request_id": "r1",
        }
        verification = make_verification(NUMBER, user_id=ann.pk, binding="b" * 64)
        self.mine = [
            make_attempt(**personal),
            make_attempt(user=ann, destination_hash=parse_destination(ann.email).hash),
            make_check(user=ann, verification=verification, **personal),
        ]
        self.others = [make_attempt(user=bob, **personal), make_attempt()]
        seal()
        self.mine.append(make_attempt(user=ann, **personal))
        SecurityEvent.objects.create(kind="signed_in", user=ann)
        # Of her address from before it was an account's.
        SecurityEvent.objects.create(kind="sign_in_failed", typed_hash=hash_typed("Ann@Example.com")[0])
        self.elsewhere = SecurityEvent.objects.create(
            kind="sign_in_failed", typed_hash=hash_typed("somebody@example.com")[0]
        )
        roll_up()
        return ann

    def read(self, rows):
        return list(VerificationAttempt.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").values())

    def test_takes_the_person_out_and_keeps_sums_and_chain(self, ann):
        others = self.read(self.others)
        number = ann.pk

        printed = run("erase_user", ann.email, "--no-input")

        assert printed.splitlines() == [
            f"Account {number} (a•••@example.com): 4 attempts.",
            "Erased from 4 attempts; the account is deleted.",
        ]
        for row in self.read(self.mine):
            assert {name: row[name] for name in row if name in {*retention.ERASED, "user_id"}} == {
                ("user_id" if name == "user" else name): value for name, value in retention.ERASED.items()
            }
            assert (row["country"], row["outcome"], row["channel"]) == ("US", "ok", "sms")
        assert self.read(self.others) == others
        verification = Verification.objects.get()
        assert (verification.status, verification.destination_masked, verification.binding) == ("canceled", "", "")
        assert not get_user_model().objects.filter(pk=number).exists()
        assert SecurityEvent.objects.get() == self.elsewhere
        assert list(verify()) == verify_recent() == []
        assert not AuditOpening.objects.exists()

    def test_again_does_nothing(self, ann):
        number = ann.pk
        run("erase_user", str(number), "--no-input")
        blocks = AuditBlock.objects.count()

        assert "gone already: 0 attempts" in run("erase_user", str(number), "--no-input")
        assert AuditBlock.objects.count() == blocks

    def test_erases_what_an_account_that_is_gone_left(self, ann):
        number = ann.pk
        ann.delete()

        run("erase_user", str(number), "--no-input")

        assert not VerificationAttempt.objects.filter(user_id=number).exists()
        assert list(verify()) == []

    def test_asks_first(self, ann, monkeypatch):
        monkeypatch.setattr("builtins.input", lambda prompt: "no")
        with pytest.raises(CommandError, match="Nothing was done"):
            run("erase_user", ann.email)

        monkeypatch.setattr("builtins.input", lambda prompt: f" {ann.pk}")
        assert "is deleted" in run("erase_user", ann.email)

    def test_knows_nobody_by_that_address(self):
        with pytest.raises(CommandError, match="Nobody has an account"):
            run("erase_user", "nobody@example.com", "--no-input")

    def test_can_be_pruned_afterwards(self, ann, monkeypatch):
        run("erase_user", ann.email, "--no-input")
        Progress.note(Progress.Job.ROLL_UP, timezone.now() + DAY)

        assert retention.prune(-DAY).attempts == 6
        assert list(verify()) == []

    @pytest.mark.requirement("AUD-02")
    def test_nothing_else_passes_for_an_erasure(self, ann):
        run("erase_user", ann.email, "--no-input")
        AuditOpening.objects.create()
        mine, other = self.mine[0], self.others[0]
        VerificationAttempt.objects.filter(pk=mine.pk).update(outcome="conflict")
        assert find_faults() == [("row_changed", mine.pk)]

        VerificationAttempt.objects.filter(pk=mine.pk).update(outcome="ok")
        assert find_faults() == []

        # With the key of the rows, but not of the chain's end, somebody makes another attempt look erased.
        retention._seal_erased([other.pk])
        assert find_faults() == [("row_changed", other.pk)]
