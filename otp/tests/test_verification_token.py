"""Verification tokens: what they prove, for whom, and how often."""

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from otp import services, tokens
from otp.destinations import parse_destination
from otp.exceptions import CodeExpired
from otp.models import Verification
from otp.models.lifecycle import Status

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"


class TestToken:
    @pytest.fixture
    def approved(self, post, twilio):
        post("send-otp", to=NUMBER)
        post("verify-otp", to=NUMBER, code="123456")
        return Verification.objects.get()

    def read(self, token, purpose="registration", to=NUMBER):
        return tokens.read_token(token, purpose=purpose, destination=parse_destination(to))

    def test_is_good_for_ten_minutes(self, approved):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            token = tokens.make_token(approved)
            clock.shift(599)
            assert self.read(token) == approved
            clock.shift(2)
            with pytest.raises(CodeExpired):
                self.read(token)

    @pytest.mark.parametrize(
        "change", [lambda token: token + "x", lambda token: "x" + token, lambda token: "", lambda token: "a:b:c"]
    )
    def test_cannot_be_made_up(self, change, approved):
        with pytest.raises(CodeExpired):
            self.read(change(tokens.make_token(approved)))

    @pytest.mark.requirement("REC-11")
    def test_proves_one_number(self, approved):
        with pytest.raises(CodeExpired):
            self.read(tokens.make_token(approved), to="+12025550199")

    @pytest.mark.requirement("OTP-03", "REC-04")
    def test_is_not_for_signed_in_purposes(self, approved):
        with pytest.raises(CodeExpired):
            self.read(tokens.make_token(approved), purpose="login")

    def test_is_used_up_by_redeeming(self, approved):
        token = tokens.make_token(approved)
        with transaction.atomic():
            services.redeem(self.read(token))

        with pytest.raises(CodeExpired):
            self.read(token)
        with pytest.raises(CodeExpired), transaction.atomic():
            services.redeem(approved)

    def test_redeeming_needs_a_transaction(self, transactional_db, post, twilio):
        post("send-otp", to=NUMBER)
        post("verify-otp", to=NUMBER, code="123456")

        with pytest.raises(RuntimeError):
            services.redeem(Verification.objects.get())
        assert Verification.objects.get().status == Status.APPROVED

    def test_redeeming_is_undone_with_what_it_paid_for(self, approved):
        def redeem_then_stumble():
            with transaction.atomic():
                services.redeem(approved)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            redeem_then_stumble()

        approved.refresh_from_db()
        assert approved.status == Status.APPROVED
