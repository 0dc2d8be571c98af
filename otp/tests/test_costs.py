"""What attempts are expected to cost, written when they are made."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from otp.models import VerificationAttempt
from otp.prices import DEFAULT_PRICES, get_source, get_success_price

NUMBER = "+12025550123"
BRITISH_NUMBER = "+447400123456"

ENV_EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


class TestPriceTable:
    def test_every_default_names_its_source_and_day(self):
        assert {price.name: price.amount for price in DEFAULT_PRICES} == django_settings.OTP_PRICES
        assert all(price.source and re.fullmatch(r"2026-\d\d-\d\d", price.read_on) for price in DEFAULT_PRICES)

    def test_a_price_of_the_site_is_told_from_a_default(self):
        assert "estimate" in get_source("sms", "0.050")
        assert get_source("sms", "0.06") == get_source("sms:GB", "0.05") == "OTP_PRICES"

    def test_a_success_may_cost_by_country(self, settings):
        settings.OTP_PRICES = {"success": "0.05", "success:IN": "0.02"}

        assert (get_success_price("IN"), get_success_price("US")) == (Decimal("0.02"), Decimal("0.05"))


@pytest.mark.django_db(transaction=True)
class TestAttempts:
    @pytest.fixture(autouse=True)
    def prices(self, settings):
        settings.OTP_PRICES = {"sms": "0.0083", "sms:GB": "0.04", "success": "0.05"}

    @pytest.mark.parametrize(("to", "price"), [(NUMBER, "0.0083"), (BRITISH_NUMBER, "0.04")])
    def test_cost_the_message_and_then_the_success(self, to, price, post, twilio):
        post("send-otp", to=to)
        post("verify-otp", to=to, code="000000")
        post("verify-otp", to=to, code=twilio.code)

        costs = list(VerificationAttempt.objects.order_by("pk").values_list("kind", "outcome", "cost"))

        assert costs == [
            ("send", "ok", Decimal(price)),
            ("check", "incorrect_code", None),
            ("check", "ok", Decimal("0.05")),
        ]

    def test_keep_the_id_of_the_message(self, post, settings):
        post("send-otp", to=NUMBER)

        from otp.sandbox.models import Attempt

        assert VerificationAttempt.objects.get().attempt_sid == Attempt.objects.get().sid

    @pytest.mark.parametrize(
        "said", [None, [], [None], [{}], [{"attempt_sid": 5}], [{"attempt_sid": "VL1"}], {"attempt_sid": "VL"}]
    )
    def test_go_out_though_the_id_is_odd(self, said, post, twilio, monkeypatch):
        describe = twilio.describe
        monkeypatch.setattr(twilio, "describe", lambda *args: {**describe(*args), "send_code_attempts": said})

        assert post("send-otp", to=NUMBER).status_code == 201
        assert VerificationAttempt.objects.get().attempt_sid == ""
