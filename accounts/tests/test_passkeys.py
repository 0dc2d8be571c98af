"""Signing in and proving oneself with a passkey, by an authenticator of software that signs for real."""

import json

import pytest
from django_otp_webauthn.models import WebAuthnCredential
from rest_framework.test import APIClient

from accounts.factors import passkey
from accounts.models import FactorBudget, KnownBrowser, SecurityEvent
from accounts.tests.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    HONEST,
    USER_PRESENT,
    Authenticator,
    with_passkey,
)
from accounts.tests.passkey_steps import (
    ADDRESS,
    ask,
    call,
    give,
    is_signed_in,
    prove,
    start_sign_in,
)
from accounts.tests.people import PASSWORD, sign_in, with_totp

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(ann):
    """Ann's phone, with her passkey."""
    return with_passkey(ann)


@pytest.fixture
def pending(api, phone):
    """A browser in which Ann has given her password."""
    start_sign_in(api)
    return api


class TestSignIn:
    @pytest.mark.requirement("OTP-16", "MFA-03")
    def test_a_passkey_signs_in_and_its_counter_is_kept(self, api, ann, phone):
        assert start_sign_in(api)["methods"] == ["passkey"]
        assert call(api, "session", "get").json()["second_factor"] == {
            "required": True,
            "methods": ["passkey"],
            "to": None,
        }

        answer = give(api, phone.sign(ask(api)))

        assert answer.json() == {"status": "authenticated"}
        assert is_signed_in(api)
        device = WebAuthnCredential.objects.get(user=ann)
        assert device.sign_count == phone.sign_count == 1
        assert device.last_used_at is not None
        assert api.session["otp_device_id"] == device.persistent_id
        assert SecurityEvent.objects.filter(user=ann, kind="signed_in", detail="password, passkey").count() == 1

    @pytest.mark.requirement("SES-09")
    def test_a_browser_can_be_trusted_by_a_call_as_on_the_page(self, pending, ann, phone):
        answer = phone.sign(ask(pending))
        call(pending, "login/verify", method="passkey", credential=answer, trust_browser=True)

        again = call(pending, "login", email=ADDRESS, password=PASSWORD)

        assert again.json() == {"status": "authenticated"}
        assert KnownBrowser.objects.filter(user=ann).count() == 1

    @pytest.mark.parametrize("algorithm", [-7, -8])
    def test_each_kind_of_key_does(self, api, ann, algorithm):
        key = with_passkey(ann, authenticator=Authenticator(algorithm=algorithm))
        start_sign_in(api)

        assert give(api, key.sign(ask(api))).status_code == 200

    def test_one_that_never_counts_signs_in_again_and_again(self, api, ann):
        synced = with_passkey(ann, authenticator=Authenticator(counts=False))
        flags = HONEST | BACKUP_ELIGIBLE | BACKED_UP

        for _ in range(2):
            start_sign_in(api)
            assert give(api, synced.sign(ask(api), flags=flags)).status_code == 200

        assert WebAuthnCredential.objects.get(user=ann).backup_state is True

    def test_a_security_key_that_names_nobody_does(self, pending, phone):
        assert give(pending, phone.sign(ask(pending), handle=b"")).status_code == 200

    def test_how_often_the_database_is_asked(self, ann, phone, django_assert_num_queries):
        with django_assert_num_queries(3):  # clean up, keep the challenge, list the passkeys
            options = passkey.begin_use(ann, purpose="login", flow="x")
        answer = json.dumps(phone.sign(options))

        with django_assert_num_queries(4):  # use the challenge up, find the passkey and whose it is, count
            passkey.check(ann, answer, purpose="login", flow="x")

    def test_what_is_asked_for(self, pending, phone, settings):
        options = ask(pending)

        assert options["rpId"] == settings.OTP_WEBAUTHN_RP_ID == "localhost"
        assert options["userVerification"] == "required"
        assert options["timeout"] == 300_000
        assert [item["id"] for item in options["allowCredentials"]] == [phone.sign(options)["id"]]
        assert options["allowCredentials"][0]["transports"] == ["internal", "hybrid"]

    @pytest.mark.requirement("OTP-16")
    def test_challenges_are_random_and_never_in_the_session(self, pending):
        first, second = ask(pending)["challenge"], ask(pending)["challenge"]

        assert first != second
        assert len(first) == 43  # 32 bytes
        assert second not in json.dumps(dict(pending.session.items()))

    def test_nobody_is_asked_without_a_pending_sign_in(self, api, phone):
        assert call(api, "login/passkey/options").json()["code"] == "not_authenticated"

    def test_nobody_is_asked_for_what_they_do_not_have(self, api, ann):
        with_totp(ann)
        start_sign_in(api)

        assert call(api, "login/passkey/options").json()["code"] == "channel_unavailable"


class TestBudget:
    @pytest.mark.requirement("THR-12")
    def test_a_block_of_codes_stops_no_passkey_and_outlasts_it(self, pending, ann, phone):
        with_totp(ann)
        for _ in range(5):
            FactorBudget.take(ann)
        assert FactorBudget.find(ann).is_blocked
        start_sign_in(pending)

        assert call(pending, "login/verify", method="totp", code="123456").status_code == 429
        start_sign_in(pending)
        assert give(pending, phone.sign(ask(pending))).status_code == 200
        assert FactorBudget.find(ann).is_blocked

    def test_a_wrong_one_during_a_block_ends_nothing_and_adds_nothing(self, pending, ann, phone):
        for _ in range(5):
            FactorBudget.take(ann)
        start_sign_in(pending)

        refused = give(pending, phone.sign(ask(pending), flags=USER_PRESENT))

        assert refused.json()["code"] == "incorrect_code"
        assert FactorBudget.find(ann).failures == 5
        assert give(pending, phone.sign(ask(pending))).status_code == 200

    def test_five_wrong_ones_in_a_row_end_the_sign_in(self, pending, ann, phone):
        answers = [give(pending, phone.sign(ask(pending), flags=USER_PRESENT)) for _ in range(5)]

        assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 429]
        assert call(pending, "login/passkey/options").json()["code"] == "not_authenticated"

    def test_a_right_one_clears_the_row(self, pending, ann, phone):
        FactorBudget.take(ann)

        give(pending, phone.sign(ask(pending)))

        assert FactorBudget.find(ann).failures == 0


class TestStepUp:
    @pytest.mark.requirement("MFA-03")
    def test_the_only_factor_turns_the_second_factor_off_and_on_again(self, api, ann, phone):
        sign_in(api, ann)
        refused = call(api, "me/two-factor", "patch", enabled=False)
        assert (refused.json()["code"], refused.json()["methods"]) == ("step_up_required", ["passkey"])

        assert prove(api, phone, "two_factor").json() == {"status": "proven", "expires_in": 300}

        assert call(api, "me/two-factor", "patch", enabled=False).json()["two_factor_enabled"] is False
        assert call(api, "me/two-factor", "patch", enabled=True).json()["two_factor_enabled"] is True
        assert start_sign_in(APIClient())["methods"] == ["passkey"]

    def test_a_proof_for_one_step_is_none_for_another(self, api, ann, phone):
        sign_in(api, ann)

        prove(api, phone, "password")

        assert call(api, "me/two-factor", "patch", enabled=False).json()["code"] == "step_up_required"

    def test_nobody_is_asked_who_has_none(self, api, ann):
        with_totp(ann)
        sign_in(api, ann)

        assert call(api, "step-up/passkey/options").json()["code"] == "channel_unavailable"

    def test_strangers_are_asked_nothing(self, api, phone):
        assert call(api, "step-up/passkey/options").json()["code"] == "not_authenticated"
