"""Fresh proof: for one step, in one session, for five minutes, by what the person has."""

from itertools import permutations

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.assurance import Step
from accounts.tests.people import (
    PASSWORD,
    make_person,
    show_totp_code,
    sign_in,
    with_phone,
    with_totp,
    with_totp_device,
)
from accounts.tests.steps import (
    CONFIRM,
    LOGIN,
    SECURITY,
    ask_for_proof,
    call,
    give_code,
    give_password,
    give_proof,
    is_signed_in,
    read,
)
from otp.models import Verification
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
# What each step of a person's own opens: a request that is led to the proof, or refused, without it.
PAGES = {
    Step.TWO_FACTOR: ("post", "/accounts/security/two-factor/switch/"),
    Step.FACTORS: ("get", "/accounts/security/totp/"),
    Step.BACKUP_CODES: ("get", "/accounts/security/backup-codes/"),
    Step.PHONE_CHANGE: ("get", "/accounts/phone-change/"),
    Step.PASSWORD: ("get", "/accounts/security/password/"),
    Step.SESSIONS: ("get", "/accounts/security/sessions/end/"),
}


def is_open(client, step):
    method, address = PAGES[step]
    answer = getattr(client, method)(address, {"enabled": "on"} if method == "post" else {})
    return "/confirm/" not in answer.get("Location", "")


def leads_to_proof(answer, step):
    return answer.status_code == 302 and answer["Location"].startswith(f"/accounts/confirm/?for={step}&")


@pytest.fixture
def signed_in(client, ann):
    """Ann's browser, an hour after she signed in with her app."""
    return sign_in(client, ann, device=with_totp_device(ann), ago=1000)


class TestForOneStep:
    @pytest.mark.requirement("MFA-06")
    def test_a_proof_for_one_opens_no_other(self, signed_in):
        """Every ordered pair of steps."""
        for proven, wanted in permutations(PAGES, 2):
            session = signed_in.session
            session["fresh_proofs"] = {proven: int(timezone.now().timestamp())}
            session.save()
            assert not is_open(signed_in, wanted), (proven, wanted)
            assert is_open(signed_in, proven), proven

    @pytest.mark.requirement("MFA-06", "OTP-03")
    def test_a_code_for_one_proves_no_other(self, client, ann, read_code):
        with_phone(ann)
        sign_in(client, ann)
        ask_for_proof(client, "sessions")

        give_proof(client, "password", read_code())

        assert not is_open(client, Step.PASSWORD)
        assert not is_open(client, Step.SESSIONS)
        give_proof(client, "sessions", read_code())
        assert is_open(client, Step.SESSIONS)

    @pytest.mark.requirement("MFA-06", "SES-01")
    def test_in_one_session_for_five_minutes_under_a_new_key(self, signed_in, ann):
        old_key = signed_in.session.session_key
        other = sign_in(Client(), ann)
        moment = timezone.now()
        with time_machine.travel(moment, tick=False):
            assert give_proof(signed_in, "password", show_totp_code(ann), "totp").status_code == 302

        assert signed_in.session.session_key != old_key
        thief = Client()
        thief.cookies["sessionid"] = old_key
        assert not is_signed_in(thief)
        for seconds, opens in ((299, True), (301, False)):
            with time_machine.travel(moment + timezone.timedelta(seconds=seconds)):
                assert is_open(signed_in, Step.PASSWORD) is opens
                assert not is_open(other, Step.PASSWORD)

    @pytest.mark.requirement("MFA-06", "OTP-04")
    def test_a_code_asked_for_in_one_session_proves_nothing_in_another(self, client, ann, read_code):
        with_phone(ann)
        sign_in(client, ann)
        thief = sign_in(Client(), ann)
        ask_for_proof(client, "password")
        code = read_code()

        give_proof(thief, "password", code)

        assert not is_open(thief, Step.PASSWORD)
        give_proof(client, "password", code)
        assert is_open(client, Step.PASSWORD)

    @pytest.mark.requirement("MFA-06", "SES-03")
    def test_ends_with_the_session(self, client, ann):
        with_totp(ann)
        sign_in(client, ann)
        give_proof(client, "password", show_totp_code(ann, step=-1), "totp")
        client.post("/accounts/logout/")

        give_password(client)
        give_code(client, show_totp_code(ann), "totp")

        assert not is_open(client, Step.PASSWORD)


class TestByWhat:
    @pytest.mark.requirement("MFA-05", "MFA-06")
    @pytest.mark.parametrize("method", ["otp", "password", "backup_code", "passkey", ""])
    def test_who_has_an_app_proves_themself_by_nothing_less(self, method, signed_in, ann):
        ask_for_proof(signed_in, "password", channel="sms")
        ask_for_proof(signed_in, "password", channel="email")

        give_proof(signed_in, "password", PASSWORD, method)
        call(signed_in, "step-up/verify", code="123456", method=method or "otp", step="password")

        assert not Verification.objects.exists()
        assert not is_open(signed_in, Step.PASSWORD)

    @pytest.mark.requirement("SES-09")
    def test_a_trusted_browser_is_no_proof(self, client, ann):
        with_totp(ann)
        give_password(client)
        give_code(client, show_totp_code(ann, step=-1), "totp", trust_browser="on")
        client.post("/accounts/logout/")
        assert give_password(client)["Location"] == "/"

        assert leads_to_proof(client.get("/accounts/security/password/"), "password")
        answer = client.patch("/api/me/two-factor", {"enabled": False}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
        assert answer.json()["methods"] == ["totp"]

    def test_the_phone_of_the_account_where_nothing_is_set_up(self, client, ann, read_code):
        sign_in(client, ann)
        assert ask_for_proof(client, "sessions").status_code == 302
        give_proof(client, "sessions", read_code())

        assert is_open(client, Step.SESSIONS)

    @pytest.mark.requirement("MFA-03")
    def test_who_has_nothing_is_led_to_enrolling_and_never_waved_through(self, client, ann):
        bob = make_person("bob@example.com", "")
        for ago in (0, 1000):
            sign_in(client, bob, ago=ago)
            for step in (Step.SESSIONS, Step.BACKUP_CODES):
                answer = client.get(PAGES[step][1], follow=True)
                assert answer.request["PATH_INFO"] == "/accounts/security/two-factor/", step
            for path, body in (("step-up/verify", {"code": "123456"}), ("step-up/send", {})):
                answer = call(client, path, step="sessions", **body)
                assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")

    def test_the_password_opens_enrolment_to_who_has_nothing(self, client):
        bob = make_person("bob@example.com", "")
        sign_in(client, bob, ago=1000)
        assert not is_open(client, Step.FACTORS)
        assert "isn’t right" in read(give_proof(client, "factors", "wrong", "password"))

        give_proof(client, "factors", PASSWORD, "password")

        assert is_open(client, Step.FACTORS)

    def test_and_who_has_just_typed_it_is_not_asked_again(self, client):
        bob = make_person("bob@example.com", "")
        sign_in(client, bob)

        assert is_open(client, Step.FACTORS)
        assert not is_open(client, Step.SESSIONS)

    @pytest.mark.requirement("THR-09")
    def test_the_password_is_limited_here_as_at_the_door(self, client, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        bob = make_person("bob@example.com", "")
        sign_in(client, bob, ago=1000)
        for _ in range(2):
            give_proof(client, "factors", "wrong", "password")

        assert give_proof(client, "factors", PASSWORD, "password").status_code == 429
        assert give_password(Client(), bob.email).status_code == 429

    @pytest.mark.requirement("THR-12")
    def test_strangers_guesses_do_not_keep_the_owner_from_it(self, client, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        bob = make_person("bob@example.com", "")
        give_password(client, bob.email)
        for n in range(3):
            Client().post(LOGIN, {"email": bob.email, "password": "x"}, REMOTE_ADDR=f"198.51.100.{n}")

        with time_machine.travel(timezone.now() + timezone.timedelta(minutes=6)):
            give_proof(client, "factors", PASSWORD, "password")
            assert is_open(client, Step.FACTORS)


class TestLimits:
    @pytest.mark.requirement("THR-01", "THR-11")
    def test_five_wrong_ones_end_the_session(self, signed_in, ann):
        answers = [give_proof(signed_in, "password", "000000", "totp") for _ in range(5)]

        assert answers[-1]["Location"] == LOGIN
        assert "Too many wrong codes in a row." in read(signed_in.get(LOGIN))
        assert not is_signed_in(signed_in)

    def test_an_outage_is_told_and_ends_nothing(self, client, ann, twilio):
        with_phone(ann)
        sign_in(client, ann)
        twilio.always(Answer.error(500, 20500))

        answer = ask_for_proof(client, "password")

        assert answer.status_code == 503
        assert "Codes can’t be sent or checked right now." in read(answer)
        assert is_signed_in(client)


class TestAddresses:
    @pytest.mark.parametrize("step", ["", "unknown", "STAFF", "two_factor "])
    def test_an_unknown_step_is_no_page(self, step, signed_in):
        assert signed_in.get(CONFIRM, {"for": step}).status_code == 404
        assert signed_in.post(CONFIRM, {"for": step}).status_code == 404
        assert ask_for_proof(signed_in, step).status_code == 404
        assert call(signed_in, "step-up/verify", code="123456", step=step).status_code == 400

    @pytest.mark.requirement("CFG-06")
    @pytest.mark.parametrize(
        "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
    )
    def test_leads_nowhere_else(self, target, signed_in, ann):
        page = signed_in.get(CONFIRM, {"for": "password", "next": target})
        assert page.context["next_url"] == SECURITY

        answer = give_proof(signed_in, "password", show_totp_code(ann), "totp", next=target)

        assert answer["Location"] == SECURITY

    def test_leads_back_to_the_page_that_asked(self, signed_in, ann):
        asked = signed_in.get("/accounts/security/password/")["Location"]
        page = signed_in.get(asked)

        answer = give_proof(signed_in, "password", show_totp_code(ann), "totp", next=page.context["next_url"])

        assert answer["Location"] == "/accounts/security/password/"
