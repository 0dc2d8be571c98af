"""Approvals under any order of events: a machine that plays payer, thief, Twilio and clock, and counts the money."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from otp.exceptions import IncorrectCode, OtpError, PaymentOver
from otp.flows import approvals
from otp.limits import reset_volume_counters
from otp.models import TransactionApproval, Verification, VerificationAttempt
from otp.payments import redeem_approval
from otp.sandbox.control import change_state
from otp.sandbox.models import Verification as AtTwilio

STARTS_AT = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
NUMBERS = {"ann": "+12025550123", "bob": "+12025550177"}
OPENING = Decimal(1000)

names = st.sampled_from(sorted(NUMBERS))
amounts = st.sampled_from(["1.00", "1.01", "120.00"])
payees = st.sampled_from(["Alice GmbH", "Zoë & Co"])
leaps = st.sampled_from([1, 30, 31, 60, 120, 299, 300, 301, 601])
# What is paid in place of what was confirmed; nothing, as often as not.
changes = st.sampled_from(
    [
        *[{}] * 6,
        {"amount": "1.10"},
        {"amount": "120"},
        {"currency": "USD"},
        {"payee": "Mallory"},
        {"payee": "\u0410lice GmbH"},
        {"payer": "bob"},
    ]
)


@dataclass
class Row:
    """What the machine itself has seen of one payment."""

    payer: str
    values: dict
    opened_at: datetime
    wrong: int = 0
    approved_at: datetime | None = None
    token: str = ""
    redeems: int = 0
    is_void: bool = False  # canceled, or another one was opened after it


class Approvals(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        VerificationAttempt.objects.all().delete()
        TransactionApproval.objects.all().delete()
        Verification.objects.all().delete()
        get_user_model().objects.all().delete()
        change_state({"reset": True})
        reset_volume_counters()
        self.clock = time_machine.travel(STARTS_AT, tick=False)
        self.now = self.clock.start()
        people = get_user_model().objects
        self.people = {
            name: people.create_user(f"{name}@example.com", phone=number, phone_verified_at=timezone.now())
            for name, number in NUMBERS.items()
        }
        self.rows: dict[UUID, Row] = {}
        self.paid = dict.fromkeys(NUMBERS, OPENING)
        self.received = Decimal(0)

    def teardown(self):
        self.clock.stop()

    def request(self, name):
        request = RequestFactory().post("/")
        request.user = self.people[name]
        request.session = SimpleNamespace(session_key=name)
        return request

    # What people do

    @initialize(name=names)
    def begin(self, name):
        self.open(name, "120.00", "Alice GmbH")

    @rule(name=names, amount=amounts, payee=payees)
    def open(self, name, amount, payee):
        self.now.shift(timedelta(microseconds=1))
        values = {"amount": amount, "currency": "EUR", "payee": payee}
        with suppress(OtpError):  # five wrong codes keep the number waiting
            approvals.create(self.request(name), **values)
        for row in self.rows.values():
            row.is_void |= row.payer == name and not row.redeems
        for approval in TransactionApproval.objects.exclude(pk__in=self.rows):
            # One whose message could not go out is void at once.
            self.rows[approval.pk] = Row(name, values, timezone.now(), is_void=approval.status == "canceled")

    @rule(data=st.data(), is_due=st.booleans())
    def resend(self, data, is_due):
        if not (approval := self.draw(data)):
            return
        if is_due and approval.resend_in:
            self.now.shift(timedelta(seconds=approval.resend_in))
        before = approval.expires_at
        try:
            approvals.send(self.request(self.rows[approval.pk].payer), approval.pk)
        except OtpError:
            pass
        else:
            assert self.is_live(approval.pk)
        assert TransactionApproval.objects.get(pk=approval.pk).expires_at == before

    @rule(name=names, amount=amounts, payee=payees)
    def open_and_confirm(self, name, amount, payee):
        self.open(name, amount, payee)
        newest = TransactionApproval.objects.select_related("verification").latest("created_at")
        self.confirm(newest, self.code_of(newest))

    @rule(data=st.data())
    def type_the_right_code(self, data):
        if approval := self.draw(data):
            self.confirm(approval, self.code_of(approval))

    @rule(data=st.data(), times=st.sampled_from([1, 1, 4, 5]))
    def type_wrong_codes(self, data, times):
        if approval := self.draw(data):
            for _ in range(times):
                self.confirm(approval, f"{(int(self.code_of(approval) or 0) + 1) % 1_000_000:06}")

    @rule(data=st.data())
    def type_the_code_of_another_payment(self, data):
        approval, other = self.draw(data), self.draw(data)
        if approval and other:
            self.confirm(approval, self.code_of(other))

    @rule(data=st.data())
    def touch_somebody_else_s(self, data):
        if approval := self.draw(data):
            thief = self.request("bob" if self.rows[approval.pk].payer == "ann" else "ann")
            for step in (approvals.get, approvals.send, approvals.cancel):
                with pytest.raises(OtpError, match="not_found"):
                    step(thief, approval.pk)
            with pytest.raises(OtpError, match="not_found"):
                approvals.confirm(thief, approval.pk, code=self.code_of(approval))

    @rule(data=st.data())
    def cancel(self, data):
        if approval := self.draw(data):
            row = self.rows[approval.pk]
            could = not row.is_void and not row.redeems and (self.is_approved(row) or self.is_live(approval.pk))
            try:
                approvals.cancel(self.request(row.payer), approval.pk)
            except PaymentOver:
                assert not could
            else:
                assert could
                row.is_void = True

    @rule(data=st.data(), change=changes, is_rolled_back=st.booleans())
    def pay(self, data, change, is_rolled_back):
        """Redeem and move the money, with the right values or others, and perhaps fail afterwards."""
        if not (rows := [row for row in self.rows.values() if row.token]):
            return
        row = data.draw(st.sampled_from([*rows, *rows[-1:] * 3]))
        payer = change.get("payer", row.payer)
        values = {**row.values, **{name: value for name, value in change.items() if name != "payer"}}
        is_same = all(
            Decimal(values[k]) == Decimal(v) if k == "amount" else values[k] == v for k, v in row.values.items()
        )
        must_pay = is_same and payer == row.payer and self.is_approved(row) and not row.is_void and not row.redeems
        try:
            with transaction.atomic():
                redeem_approval(row.token, user=self.people[payer], **values)
                transaction.set_rollback(is_rolled_back)
        except PaymentOver:
            assert not must_pay
            return
        assert must_pay
        if not is_rolled_back:
            row.redeems += 1
            self.paid[payer] -= Decimal(values["amount"])
            self.received += Decimal(values["amount"])

    # What the world does

    @rule(seconds=leaps)
    def wait(self, seconds):
        self.now.shift(timedelta(seconds=seconds))

    @rule(data=st.data(), fault=st.sampled_from(["http_503", "drop_reply_after_commit"]), is_right=st.booleans())
    def type_a_code_while_twilio_is_away(self, data, fault, is_right):
        if approval := self.draw(data):
            change_state({"fault": fault})
            code = self.code_of(approval) if is_right else "000000"
            with pytest.raises(OtpError):
                approvals.confirm(self.request(self.rows[approval.pk].payer), approval.pk, code=code)
            change_state({"fault": None})

    # How a confirmation is judged

    def confirm(self, approval, code):
        row = self.rows[approval.pk]
        approval.refresh_from_db()
        was_live = self.is_live(approval.pk) and approval.tries_left
        is_right = bool(code) and code == self.code_of(approval)
        try:
            token = approvals.confirm(self.request(row.payer), approval.pk, code=code)
        except IncorrectCode:
            assert was_live
            row.wrong += 1
            return
        except OtpError:
            return
        assert was_live
        assert is_right
        assert row.wrong < 5
        row.token, row.approved_at = token, timezone.now()

    def draw(self, data):
        rows = list(TransactionApproval.objects.order_by("created_at").select_related("verification"))
        # The newest is the one that can still be anything.
        return data.draw(st.sampled_from([*rows, *rows[-1:] * 3])) if rows else None

    def is_live(self, pk):
        row = self.rows[pk]
        return (
            not row.is_void and not row.approved_at and row.wrong < 5 and timezone.now() < row.opened_at + FIVE_MINUTES
        )

    @staticmethod
    def is_approved(row):
        return row.approved_at is not None and timezone.now() < row.approved_at + FIVE_MINUTES

    @staticmethod
    def code_of(approval):
        sid = approval.verification.verification_sid if approval.verification else ""
        return AtTwilio.objects.get(sid=sid).code if sid else ""

    # What always holds

    @invariant()
    def money_is_conserved(self):
        assert sum(self.paid.values()) + self.received == OPENING * len(NUMBERS)
        redeemed = TransactionApproval.objects.filter(status="redeemed")
        assert sum((approval.amount for approval in redeemed), Decimal(0)) == self.received

    @invariant()
    def each_row_says_what_was_seen(self):
        for approval in TransactionApproval.objects.all():
            row = self.rows[approval.pk]
            assert approval.is_intact
            assert row.redeems <= 1
            assert (approval.status == "redeemed") == bool(row.redeems)
            assert row.wrong <= approval.wrong_codes <= approval.tries <= 5
            assert bool(approval.approved_at) == bool(row.approved_at)
            assert not (row.is_void and approval.status in {"pending", "approved", "redeemed"})
            assert approval.wrong_codes < 5 or approval.status == "exhausted" or row.is_void

    @invariant()
    def a_person_has_one_open(self):
        for person in self.people.values():
            assert TransactionApproval.objects.of(person).filter(status__in=["pending", "approved"]).count() <= 1

    @invariant()
    def nothing_crashed(self):
        assert not VerificationAttempt.objects.filter(outcome="crashed").exists()


@pytest.mark.requirement("TXN-02", "TXN-03", "TXN-04", "TXN-05", "TXN-06")
@pytest.mark.django_db(transaction=True)
def test_payments_hold_in_any_order_of_events(settings_for_the_machine):
    run_state_machine_as_test(Approvals, settings=settings_for_the_machine)


@pytest.fixture
def settings_for_the_machine(settings):
    for name in ("HOUR", "COUNTRY_PER_HOUR", "PREFIX_PER_HOUR", "ADDRESS_PER_HOUR"):
        setattr(settings, f"OTP_MAX_SENDS_PER_{name}", 100_000)
    settings.OTP_DAILY_BUDGET = 100_000
    for name in ("MINUTE", "HOUR", "DAY"):
        setattr(settings, f"OTP_MAX_SENDS_PER_DESTINATION_PER_{name}", 100_000)
    settings.OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR = 100_000
    # The breaker goes by a clock that nobody moves here; it has tests of its own.
    settings.OTP_BREAKER_FAILURES = 100_000
    # The phone alone: what accounts' factors add has tests of its own.
    settings.OTP_PAYERS = ""
    return machine_settings


machine_settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
