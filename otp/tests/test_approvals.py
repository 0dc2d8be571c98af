"""Approvals as rows: which way they may move, what binds them, and when they may be redeemed."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from otp.exceptions import PaymentOver
from otp.models import TransactionApproval
from otp.models.approval import APPROVAL_LIFETIME, MAX_TRIES, TOKEN_LIFETIME, ApprovalStatus
from otp.money import read_payee
from otp.operations import retention
from otp.operations.totals import roll_up
from otp.payments import make_token, redeem_approval
from otp.tests.records import make_attempt

VALUES = {"amount": Decimal("120.00"), "currency": "EUR", "payee": "Alice GmbH"}
# Every move there is. What is not here must not happen, whoever asks for it.
MOVES = {
    ("pending", "approved"),
    ("pending", "canceled"),
    ("pending", "expired"),
    ("pending", "exhausted"),
    ("approved", "redeemed"),
    ("approved", "canceled"),
    ("approved", "expired"),
}


@pytest.fixture
def ann(db):
    return get_user_model().objects.create_user(
        "ann@example.com", "securepass123", phone="+12025550123", phone_verified_at=timezone.now()
    )


def start(user, **changes):
    return TransactionApproval.start(user, **{**VALUES, **changes})


def put(approval, status):
    """Bring a row to a state as its own moves would have left it."""
    was_approved = status in {"approved", "redeemed"}
    fields = {
        "status": status,
        "method": "otp" if was_approved else "",
        "approved_at": timezone.now() if was_approved else None,
        "redeemed_at": timezone.now() if status == "redeemed" else None,
    }
    TransactionApproval.objects.filter(pk=approval.pk).update(**fields)
    approval.refresh_from_db()


def move(approval, status):
    """Do all that could bring it there."""
    if status == "approved":
        approval.approve("otp")
    elif status == "redeemed":
        approval.redeem()
    elif status == "canceled":
        approval.cancel()
    elif status == "expired":
        past = timezone.now() - max(APPROVAL_LIFETIME, TOKEN_LIFETIME)
        times = {"expires_at": past, **({"approved_at": past} if approval.approved_at else {})}
        TransactionApproval.objects.filter(pk=approval.pk).update(**times)
        approval.refresh_from_db()
        approval.expire()
    elif status == "exhausted":
        TransactionApproval.objects.filter(pk=approval.pk).update(tries=MAX_TRIES, wrong_codes=MAX_TRIES - 1)
        approval.note_wrong_code()


class TestStates:
    @pytest.mark.requirement("TXN-05")
    @pytest.mark.parametrize(("source", "target"), list(product(ApprovalStatus.values, repeat=2)))
    def test_moves_are_these_and_no_others(self, ann, source, target):
        approval = start(ann)
        put(approval, source)

        move(approval, target)

        approval.refresh_from_db()
        assert approval.status == (target if (source, target) in MOVES else source)

    @pytest.mark.requirement("TXN-05")
    def test_each_move_says_whether_it_was_made(self, ann):
        approval = start(ann)

        assert [approval.redeem(), approval.expire()] == [False, False]
        assert [approval.approve("otp"), approval.approve("otp")] == [True, False]
        assert [approval.redeem(), approval.redeem(), approval.cancel()] == [True, False, False]

    @pytest.mark.requirement("TXN-05")
    @pytest.mark.parametrize(
        "shortcut",
        [
            {"status": "approved"},
            {"status": "approved", "approved_at": timezone.now()},
            {"status": "redeemed", "redeemed_at": timezone.now()},
            {"status": "redeemed", "approved_at": timezone.now()},
            {"approved_at": timezone.now()},
            {"status": "paid"},
            {"tries": MAX_TRIES + 1},
            {"wrong_codes": 1},
            {"amount": Decimal(0)},
        ],
    )
    def test_the_database_knows_no_shortcut(self, ann, shortcut):
        approval = start(ann)

        with pytest.raises(IntegrityError), transaction.atomic():
            TransactionApproval.objects.filter(pk=approval.pk).update(**shortcut)

    def test_a_person_has_one_at_a_time(self, ann):
        start(ann)

        with pytest.raises(IntegrityError), transaction.atomic():
            start(ann)

    @pytest.mark.requirement("TXN-06")
    def test_nothing_is_approved_at_the_end_of_its_time(self, ann):
        approval = start(ann)
        TransactionApproval.objects.filter(pk=approval.pk).update(expires_at=timezone.now())

        assert not approval.take_try()
        assert not approval.approve("otp")

    @pytest.mark.requirement("TXN-06")
    def test_tries_end_at_five_and_only_unused_ones_come_back(self, ann):
        approval = start(ann)

        assert [approval.take_try() for _ in range(6)] == [True] * 5 + [False]
        approval.give_try_back()
        assert [approval.take_try(), approval.take_try()] == [True, False]
        for _ in range(6):
            approval.note_wrong_code()
        approval.give_try_back()
        approval.refresh_from_db()
        assert (approval.status, approval.tries, approval.wrong_codes) == ("exhausted", 5, 5)


class TestDigest:
    @pytest.mark.requirement("TXN-02")
    def test_every_value_makes_another_one(self, ann):
        approval = start(ann)
        digests = {approval.digest}
        bob = get_user_model().objects.create_user("bob@example.com")

        for name, value in {
            "amount": Decimal("120.01"),
            "currency": "USD",
            "payee": "Alice",
            "reference": "x",
            "user": bob,
        }.items():
            changed = TransactionApproval.objects.get(pk=approval.pk)
            setattr(changed, name, value)
            digests.add(changed.compute_digests()[0])
        digests.add(TransactionApproval(user=ann, **VALUES).compute_digests()[0])

        assert len(digests) == 7

    @pytest.mark.requirement("TXN-02")
    def test_no_value_can_be_moved_into_its_neighbor(self, ann):
        one = TransactionApproval(user=ann, **{**VALUES, "payee": "Ali", "reference": "ce"})
        other = TransactionApproval(user=ann, pk=one.pk, **{**VALUES, "payee": "Alice", "reference": ""})

        assert one.compute_digests() != other.compute_digests()

    def test_is_keyed_and_outlives_a_rotation(self, ann, settings):
        approval = start(ann)
        old = settings.OTP_HASH_KEYS

        settings.OTP_HASH_KEYS = ["another-key-of-enough-length"]
        assert not approval.is_intact
        assert not approval.approve("otp")
        settings.OTP_HASH_KEYS = ["another-key-of-enough-length", *old]
        assert approval.is_intact
        assert approval.approve("otp")

    def test_challenge_of_a_passkey_stands_for_the_same(self, ann):
        approval = start(ann)

        assert len(approval.challenge) == 32
        assert approval.challenge.hex() == approval.digest


class TestRedeeming:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.requirement("TXN-04")
    def test_refuses_to_work_outside_of_a_transaction(self, ann):
        approval = start(ann)
        approval.approve("otp")

        with pytest.raises(RuntimeError, match="atomic"):
            redeem_approval(make_token(approval), user=ann, **VALUES)

        approval.refresh_from_db()
        assert approval.status == ApprovalStatus.APPROVED

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.requirement("TXN-04")
    def test_what_fails_afterwards_takes_it_back(self, ann):
        approval = start(ann)
        approval.approve("otp")
        token = make_token(approval)

        with transaction.atomic():
            redeem_approval(token, user=ann, **VALUES)
            transaction.set_rollback(True)  # the transfer fails

        with transaction.atomic():
            assert redeem_approval(token, user=ann, **VALUES).status == ApprovalStatus.REDEEMED

    @pytest.mark.parametrize("amount", ["120.00", "120", Decimal(120), Decimal("120.000"), Decimal("1.2E+2")])
    def test_takes_the_same_amount_however_it_is_written(self, ann, amount):
        approval = start(ann)
        approval.approve("otp")

        with transaction.atomic():
            redeem_approval(make_token(approval), **{**VALUES, "amount": amount})

    @pytest.mark.parametrize("name", ["Zoe\u0308  Söhne", " Zoë Söhne ", "Zoë\u00a0Söhne"])
    def test_takes_the_payee_as_the_records_spell_it(self, ann, name):
        approval = start(ann, payee=read_payee(name))
        approval.approve("otp")

        with transaction.atomic():
            redeem_approval(make_token(approval), **{**VALUES, "payee": name})

    @pytest.mark.requirement("TXN-02")
    @pytest.mark.parametrize(
        "name", ["", "\n", "alice GmbH", "Alice GmbH\u200b", "\u0410lice GmbH", "Alice GmbH.", "x" * 71]
    )
    def test_takes_no_other_payee(self, ann, name):
        approval = start(ann)
        approval.approve("otp")

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(make_token(approval), **{**VALUES, "payee": name})

    @pytest.mark.parametrize("status", ["pending", "redeemed", "canceled", "expired", "exhausted"])
    def test_takes_only_what_was_approved(self, ann, status):
        approval = start(ann)
        put(approval, status)

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(make_token(approval), user=ann, **VALUES)

    def test_a_token_lasts_as_long_as_the_row_says(self, ann):
        approval = start(ann)
        approval.approve("otp")
        past = timezone.now() - TOKEN_LIFETIME - timedelta(seconds=1)
        TransactionApproval.objects.filter(pk=approval.pk).update(approved_at=past)

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(make_token(approval), user=ann, **VALUES)


class TestRetention:
    def test_goes_with_its_attempts_and_not_before(self, ann):
        old = start(ann)
        past = timezone.now() - timedelta(days=400)
        TransactionApproval.objects.filter(pk=old.pk).update(status="expired", created_at=past, expires_at=past)
        tried = start(ann)
        TransactionApproval.objects.filter(pk=tried.pk).update(status="expired", created_at=past, expires_at=past)
        make_attempt(approval=tried, ago=timedelta(days=4))
        kept = start(ann)
        roll_up()

        retention.prune(timedelta(days=365))

        assert set(TransactionApproval.objects.values_list("pk", flat=True)) == {tried.pk, kept.pk}

    def test_erasing_a_person_leaves_no_payee(self, ann):
        start(ann, reference="Rent of Carol")

        retention.erase(ann.pk, [])

        approval = TransactionApproval.objects.get()
        assert (approval.status, approval.user_id, approval.payee, approval.reference) == ("canceled", None, "", "")
        assert not approval.is_intact
