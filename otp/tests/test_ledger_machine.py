"""The ledger under any order of events: a state machine that plays person, stranger, Twilio and clock."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from otp import services, tokens
from otp.client import Client
from otp.destinations import parse_destination
from otp.exceptions import NotFound, OtpError
from otp.limits import reset_volume_counters
from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import LIFETIME, MAX_CHECKS, MAX_SENDS, PROOF_LIFETIME, Status
from otp.sandbox.control import change_state
from otp.sandbox.models import Message, ReceivedCall
from otp.sandbox.models import Verification as AtTwilio

STARTS_AT = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
MAX_WRONG_PER_HOUR = 10

PUBLIC = ("any_public", "verification", "registration", "password_reset")
# Whose codes count for a use: said here once more, so that the machine does not believe the code it judges.
ACCEPTED = {
    "": PUBLIC,
    "verification": ("verification", "any_public"),
    "registration": ("registration", "any_public"),
    "password_reset": ("password_reset", "any_public"),
    "login": ("login",),
    "step_up": ("step_up",),
}
destinations = st.sampled_from(["+12025550123", "ann@example.com"])
# What a code is asked for and checked for: a purpose, and the flow that it is bound to.
uses = st.sampled_from(
    [
        ("", ""),
        ("verification", ""),
        ("registration", ""),
        ("password_reset", ""),
        ("login", "browser"),
        ("login", "another browser"),
        ("step_up", ""),
    ]
)
# Round figures around each rule's edge: resend waits, the ten minutes of code and proof, the hour of the limits.
leaps = st.sampled_from([1, 29, 30, 31, 60, 120, 299, 539, 599, 600, 601, 3601])
outages = st.sampled_from(["http_503", "truncated_json", "drop_reply_after_commit", "reset_connection"])


@dataclass
class Row:
    """What the machine itself has seen of one verification."""

    use: tuple[str, str]
    to: str
    expires_at: datetime
    wrong: int = 0
    upstream: int = 0
    right: int = 0
    successes: int = 0
    redeems: int = 0
    is_canceled: bool = False
    approved_at: datetime | None = None
    sids: set[str] = field(default_factory=set)


class Ledger(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        VerificationAttempt.objects.all().delete()
        Verification.objects.all().delete()
        change_state({"reset": True})
        reset_volume_counters()
        self.clock = time_machine.travel(STARTS_AT, tick=False)
        self.now = self.clock.start()
        self.rows = {}
        self.sends = self.checks = 0
        self.outage = None
        self.wrong_codes = []

    def teardown(self):
        self.clock.stop()

    # What people do

    @initialize(to=destinations, use=uses)
    def begin(self, to, use):
        self.send(to, use)

    @rule(to=destinations, use=uses)
    def send_new(self, to, use):
        self.send(to, use)

    @rule(to=destinations)
    def resend_when_its_time(self, to):
        if (newest := self.newest(to)) and newest.status == Status.PENDING:
            wait = newest.next_send_at - timezone.now()
            self.now.shift(max(wait, timedelta()))
            self.send(to, self.rows[newest.pk].use)

    def send(self, to, use):
        # Never two rows of one moment: which of them is newer would be chance.
        self.now.shift(timedelta(microseconds=1))
        purpose, flow = use
        before = {row.pk: row for row in Verification.objects.all()}
        self.sends += 1
        try:
            sent = services.send_otp(to, purpose=purpose, flow=flow, client=Client())
        except OtpError:
            sent = None
        for pk, row in before.items():
            after = Verification.objects.get(pk=pk)
            assert after.expires_at == row.expires_at or after.status == Status.CANCELED
            assert after.expires_at <= row.expires_at
            assert after.checks == row.checks
            assert after.calls == row.calls
            assert not row.verification_sid or row.status != Status.PENDING or after.status != Status.FAILED
        for row in Verification.objects.exclude(pk__in=before):
            assert row.expires_at == timezone.now() + LIFETIME
            self.rows[row.pk] = Row(use, to, row.expires_at)
        if sent:
            assert self.outage is None
            assert (sent.purpose, sent.expires_at) == (purpose or "any_public", self.rows[sent.pk].expires_at)
            assert before.get(sent.pk) is None or before[sent.pk].next_send_at <= timezone.now()
            self.rows[sent.pk].sids.add(sent.verification_sid)

    @rule(to=destinations, use=uses)
    def send_twice(self, to, use):
        self.send(to, use)
        messages = Message.objects.count()
        self.send(to, use)
        assert Message.objects.count() == messages

    @rule(to=destinations)
    def type_wrong_code(self, to):
        if newest := self.newest(to):
            self.check(to, self.rows[newest.pk].use, f"{(int(self.code_of(newest)) + 1) % 1_000_000:06}")

    @rule(to=destinations)
    def type_newest_code_as_asked_for(self, to):
        if newest := self.newest(to):
            self.check(to, self.rows[newest.pk].use, self.code_of(newest))

    @rule(to=destinations, use=uses)
    def type_newest_code_for_any_use(self, to, use):
        self.check(to, use, self.code_of(self.newest(to)) or "000000")

    @rule(to=destinations)
    def stranger_types_the_right_code(self, to):
        if newest := self.newest(to):
            self.check(to, (self.rows[newest.pk].use[0], "a stranger's browser"), self.code_of(newest))

    @rule(data=st.data())
    def type_any_code_ever_sent(self, data):
        if rows := [row for row in Verification.objects.order_by("created_at") if row.verification_sid]:
            row = data.draw(st.sampled_from(rows))
            self.check(self.rows[row.pk].to, data.draw(uses), self.code_of(row) or "000000")

    @rule(data=st.data(), is_right=st.booleans())
    def check_by_id(self, data, is_right):
        if rows := list(Verification.objects.order_by("created_at")):
            row = data.draw(st.sampled_from(rows))
            code = (is_right and self.code_of(row)) or "000000"
            self.check(self.rows[row.pk].to, ("", ""), code, pk=row.pk)

    @rule(data=st.data())
    def cancel(self, data):
        if rows := list(Verification.objects.order_by("created_at")):
            row = data.draw(st.sampled_from(rows))
            if row.status == Status.PENDING:
                services.cancel(row.pk)
                self.rows[row.pk].is_canceled = True
            else:
                with pytest.raises(NotFound):
                    services.cancel(row.pk)

    @rule(data=st.data(), use=uses)
    def redeem(self, data, use):
        rows = [row for row in Verification.objects.order_by("created_at") if row.approved_at]
        if not rows:
            return
        verification = data.draw(st.sampled_from(rows))
        row = self.rows[verification.pk]
        destination = parse_destination(row.to)
        purpose = use[0] or "verification"
        token = tokens.make_token(verification)
        try:
            proven = services.prove(destination, purpose=purpose, token=token, client=Client())
            with transaction.atomic():
                services.redeem(proven)
        except OtpError:
            is_fresh = timezone.now() < row.approved_at + PROOF_LIFETIME
            assert row.redeems or not is_fresh or verification.purpose not in ACCEPTED[purpose]
            return
        row.redeems += 1
        assert verification.purpose in ACCEPTED[purpose]
        assert timezone.now() - row.approved_at < PROOF_LIFETIME

    # What the world does

    @rule(seconds=leaps)
    def wait(self, seconds):
        self.now.shift(timedelta(seconds=seconds))

    @rule(fault=outages, data=st.data())
    def storm(self, fault, data):
        """Have Twilio down for one action, known as such or with its answer lost."""
        self.outage = fault
        change_state({"fault": fault})
        action = data.draw(st.sampled_from([self.send_new, self.type_wrong_code, self.type_newest_code_as_asked_for]))
        if action == self.send_new:
            self.send(data.draw(destinations), data.draw(uses))
        else:
            action(data.draw(destinations))
        self.outage = None
        change_state({"fault": None})

    # How a check is judged

    def check(self, to, use, code, *, pk=None):
        purpose, flow = use
        expected = self.find_row_for(to, use, pk)
        is_right = bool(expected) and code == self.code_of(expected)
        must_succeed = is_right and self.is_in_order(expected)
        upstream = ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count()
        self.checks += 1
        approved = refusal = None
        try:
            target = {"verification_id": pk} if pk else {"to": to, "purpose": purpose, "flow": flow}
            approved = services.verify_otp(**target, code=code, client=Client())
        except OtpError as error:
            refusal = error
        assert approved or not must_succeed, f"A right code was refused: {refusal.code}"
        if refusal and refusal.code == "incorrect_code":
            assert not is_right or not self.is_live_at_twilio(expected)
            self.rows[expected.pk].wrong += 1
            self.wrong_codes.append((to, timezone.now()))
            seen = Verification.objects.get(pk=expected.pk)
            # An outage gives a try back, and still nothing is compared upstream more than five times.
            assert refusal.attempts_left == (MAX_CHECKS - seen.checks if seen.calls < MAX_CHECKS else 0)
        new_calls = ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count() - upstream
        assert new_calls <= 1
        if expected:
            self.rows[expected.pk].upstream += new_calls
            self.rows[expected.pk].right += is_right and new_calls
        else:
            assert not new_calls
        if approved:
            self.judge_success(approved, expected, use, is_right)

    def judge_success(self, approved, expected, use, is_right):
        row = self.rows[approved.pk]
        assert is_right
        assert expected
        assert approved.pk == expected.pk
        assert self.outage is None
        assert not row.is_canceled
        assert not row.successes
        assert row.wrong < MAX_CHECKS
        assert row.upstream <= MAX_CHECKS
        assert timezone.now() < row.expires_at
        assert row.use[1] == use[1]
        accepted = ACCEPTED[use[0]]
        assert approved.purpose in accepted
        row.successes += 1
        row.approved_at = timezone.now()

    def find_row_for(self, to, use, pk):
        """Find the row that a check must go by: the newest live one of that destination which serves this use."""
        if pk:
            row = Verification.objects.get(pk=pk)
            is_public = row.purpose in PUBLIC
            return row if is_public else None
        purpose, flow = use
        accepted = ACCEPTED[purpose]
        return next(
            (
                row
                for row in Verification.objects.order_by("-created_at")
                if self.rows[row.pk].to == to
                and row.purpose in accepted
                and self.rows[row.pk].use[1] == flow
                and row.status in (Status.PENDING, Status.EXHAUSTED)
                and row.expires_at > timezone.now()
            ),
            None,
        )

    def is_in_order(self, verification):
        """Tell whether nothing speaks against a right code for this row."""
        row = self.rows[verification.pk]
        recent = [at for to, at in self.wrong_codes if to == row.to and at > timezone.now() - timedelta(hours=1)]
        return (
            self.outage is None
            and verification.status == Status.PENDING
            and timezone.now() < row.expires_at
            and row.upstream < MAX_CHECKS
            and len(recent) < MAX_WRONG_PER_HOUR
            and self.is_live_at_twilio(verification)
        )

    @staticmethod
    def is_live_at_twilio(verification):
        return AtTwilio.objects.filter(
            sid=verification.verification_sid, status="pending", check_count__lt=5, expires_at__gt=timezone.now()
        ).exists()

    @staticmethod
    def code_of(verification):
        if not verification or not verification.verification_sid:
            return ""
        return AtTwilio.objects.get(sid=verification.verification_sid).code

    @staticmethod
    def newest(to):
        found = Verification.objects.exclude(verification_sid="").to(parse_destination(to))
        return found.order_by("-created_at").first()

    # What always holds

    @invariant()
    def caps_hold(self):
        for row in Verification.objects.all():
            seen = self.rows[row.pk]
            assert row.sends <= MAX_SENDS
            assert row.checks <= MAX_CHECKS
            assert seen.upstream <= row.calls <= MAX_CHECKS
            assert row.expires_at == seen.expires_at or row.status == Status.CANCELED
            assert row.expires_at <= seen.expires_at
            assert (row.status in (Status.APPROVED, Status.REDEEMED)) == bool(seen.successes)
            assert (row.status == Status.REDEEMED) == bool(seen.redeems)
            assert seen.successes <= min(1, seen.right)
            assert seen.redeems <= seen.successes

    @invariant()
    def twilio_compares_no_more_than_five_codes_per_verification(self):
        calls = ReceivedCall.objects.filter(path__endswith="/VerificationCheck")
        compared = Counter(call.params["VerificationSid"] for call in calls)
        assert all(count <= MAX_CHECKS for count in compared.values()), compared

    @invariant()
    def digits_are_never_shared(self):
        pending = Verification.objects.filter(status=Status.PENDING).exclude(verification_sid="")
        assert len({row.verification_sid for row in pending}) == len(pending)

    @invariant()
    def each_action_left_one_row(self):
        assert VerificationAttempt.objects.filter(kind="send").count() == self.sends
        assert VerificationAttempt.objects.filter(kind="check").count() == self.checks
        assert not VerificationAttempt.objects.filter(outcome="crashed").exists()


@pytest.mark.requirement("OTP-01", "OTP-03", "OTP-07", "OTP-08", "OTP-09")
@pytest.mark.django_db(transaction=True)
def test_ledger_holds_in_any_order_of_events(settings_for_the_machine):
    run_state_machine_as_test(Ledger, settings=settings_for_the_machine)


@pytest.fixture
def settings_for_the_machine(settings):
    for name in ("HOUR", "COUNTRY_PER_HOUR", "PREFIX_PER_HOUR", "ADDRESS_PER_HOUR"):
        setattr(settings, f"OTP_MAX_SENDS_PER_{name}", 100_000)
    settings.OTP_DAILY_BUDGET = 100_000
    settings.OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR = MAX_WRONG_PER_HOUR
    # The breaker goes by a clock that nobody moves here; it has tests of its own.
    settings.OTP_BREAKER_FAILURES = 100_000
    return machine_settings


machine_settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
