"""What is no proof by a passkey: false claims, copies, and answers used before."""

import json

import pytest
import time_machine
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential
from rest_framework.test import APIClient

from accounts.exceptions import PasskeyOver
from accounts.factors import passkey
from accounts.models import FactorBudget, PasskeyChallenge, SecurityEvent
from accounts.tests.authenticator import (
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    with_passkey,
)
from accounts.tests.passkey_steps import (
    ADDRESS,
    ask,
    call,
    copy_browser,
    give,
    is_signed_in,
    make_fresh,
    start_sign_in,
)
from accounts.tests.people import PASSWORD, make_person, sign_in
from otp.tests.parallel import run_copies

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


class TestCheats:
    """Each is refused, opens nothing, and counts as a failure."""

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize(
        "claims",
        [
            {"origin": "https://smartfin.example.evil.example"},
            {"origin": "http://localhost:8001"},
            {"rp_id": "evil.example"},
            {"flags": USER_PRESENT},
            {"flags": USER_VERIFIED},
            {"type": "webauthn.create"},
            {"cross_origin": True},
            {"key": Authenticator().key},
            {"handle": bytes(64)},
            {"sign_count": 2**31},
        ],
        ids=lambda claims: next(iter(claims)),
    )
    def test_a_wrong_claim_is_refused(self, claims, pending, ann, phone):
        answer = give(pending, phone.sign(ask(pending), **claims))

        assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
        assert answer.json()["attempts_left"] == 4
        assert "passkey wasn’t accepted" in answer.json()["error"]
        assert not is_signed_in(pending)
        assert FactorBudget.find(ann).failures == 1
        assert SecurityEvent.objects.filter(user=ann, kind="factor_failed", detail="passkey").count() == 1
        assert WebAuthnCredential.objects.get(user=ann).sign_count == 0

    @pytest.mark.requirement("OTP-16")
    def test_a_changed_answer_is_refused(self, pending, phone):
        answer = phone.sign(ask(pending))
        signature = answer["response"]["signature"]
        answer["response"]["signature"] = signature[:-8] + ("A" * 8 if signature[-8:] != "A" * 8 else "B" * 8)

        assert give(pending, answer).json()["code"] == "incorrect_code"

    @pytest.mark.requirement("OTP-16")
    def test_somebody_else_s_passkey_is_refused(self, pending, phone):
        bob = make_person("bob@example.com", "+12025550124")
        others = with_passkey(bob)

        for claims in ({}, {"handle": phone.handle}):
            answer = give(pending, others.sign(ask(pending), **claims))
            assert answer.json()["code"] == "incorrect_code"
        assert not is_signed_in(pending)
        assert WebAuthnCredential.objects.get(user=bob).sign_count == 0

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize("count", [4, 5])
    def test_a_counter_that_does_not_move_forward_is_refused_and_told(
        self, count, pending, ann, phone, mailoutbox, django_capture_on_commit_callbacks
    ):
        give(pending, phone.sign(ask(pending)))  # now the browser is known: a mail tells of something worse
        start_sign_in(pending)
        WebAuthnCredential.objects.update(sign_count=5)

        with django_capture_on_commit_callbacks(execute=True):
            answer = give(pending, phone.sign(ask(pending), sign_count=count))

        assert answer.json()["code"] == "incorrect_code"
        assert "may have been copied" in answer.json()["error"]
        assert WebAuthnCredential.objects.get().sign_count == 5
        assert SecurityEvent.objects.filter(kind="factor_failed", detail="passkey: counter went back").count() == 1
        assert [mail.to for mail in mailoutbox] == [[ADDRESS]]

    @pytest.mark.parametrize(
        "credential",
        [
            {},
            {"id": 1, "rawId": [], "type": "public-key", "response": {}},
            {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30"}},
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                # {"type": "webauthn.get", "challenge": 1, "origin": "x"}
                "response": {
                    "clientDataJSON": "eyJ0eXBlIjogIndlYmF1dGhuLmdldCIsICJjaGFsbGVuZ2UiOiAxLCAib3JpZ2luIjogIngifQ",
                    "authenticatorData": "AA",
                    "signature": "AA",
                },
            },
        ],
    )
    def test_what_cannot_be_read_is_refused(self, credential, pending):
        ask(pending)

        assert give(pending, credential).json()["code"] == "incorrect_code"

    @pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
    def test_what_is_cut_off_anywhere_is_refused(self, part, pending, phone, ann):
        for kept in (0, 1, 36, 49):
            credential = phone.sign(ask(pending))
            credential["response"][part] = credential["response"][part][:kept]

            assert give(pending, credential).json()["code"] in {"incorrect_code", "code_expired"}, kept
            FactorBudget.clear(ann)

    def test_what_is_too_long_is_not_looked_at(self, pending, ann):
        answer = give(pending, {"id": "A" * 40_000})

        assert answer.json()["fields"] == {"credential": ["That is too long for a passkey."]}
        assert FactorBudget.find(ann).failures == 0

    @pytest.mark.parametrize("body", [{"method": "passkey"}, {"method": "passkey", "code": "123456"}])
    def test_a_passkey_needs_its_answer(self, body, pending):
        answer = call(pending, "login/verify", **body)

        assert answer.json()["fields"] == {"credential": ["This field is required."]}


class TestOneUse:
    @pytest.mark.requirement("OTP-16")
    def test_an_answer_that_was_used_is_worth_nothing_in_another_sign_in(self, pending, ann, phone):
        answer = phone.sign(ask(pending))
        assert give(pending, answer).status_code == 200
        other = APIClient()
        start_sign_in(other)
        ask(other)

        assert give(other, answer).json()["code"] == "code_expired"
        assert not is_signed_in(other)

    @pytest.mark.requirement("OTP-16")
    def test_an_answer_is_good_in_its_own_session_alone(self, pending, phone):
        answer = phone.sign(ask(pending))
        other = APIClient()
        start_sign_in(other)

        assert give(other, answer).json()["code"] == "code_expired"
        assert give(pending, answer).status_code == 200

    @pytest.mark.requirement("OTP-16")
    def test_a_refused_answer_has_used_the_challenge_up(self, pending, phone):
        options = ask(pending)
        give(pending, phone.sign(options, origin="https://evil.example"))

        assert give(pending, phone.sign(options)).json()["code"] == "code_expired"

    @pytest.mark.requirement("OTP-16")
    def test_a_challenge_of_the_server_s_alone_counts(self, pending, phone, ann):
        ask(pending)

        answer = give(pending, phone.sign({"challenge": "A" * 43, "rpId": "localhost"}))

        assert answer.json()["code"] == "code_expired"
        assert FactorBudget.find(ann).failures == 0  # nothing was compared

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
    def test_a_challenge_is_good_for_five_minutes(self, seconds, status, api, phone):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            start_sign_in(api)
            answer = phone.sign(ask(api))
            clock.shift(seconds)

            assert give(api, answer).status_code == status

    @pytest.mark.requirement("OTP-16")
    def test_a_challenge_of_sign_in_proves_no_step_and_the_other_way_round(self, pending, ann, phone):
        for_sign_in = phone.sign(ask(pending))
        inside = APIClient()
        sign_in(inside, ann)
        for_step = phone.sign(call(inside, "step-up/passkey/options", step="factors").json())

        refused = [
            call(inside, "step-up/verify", method="passkey", step="factors", credential=for_sign_in),
            call(inside, "step-up/verify", method="passkey", step="password", credential=for_step),
            give(pending, for_step),
        ]

        assert [answer.json()["code"] for answer in refused] == ["code_expired"] * 3

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize("other", [{"purpose": "step_up"}, {"flow": "y"}], ids=str)
    def test_purpose_and_flow_bind_a_challenge_each_by_itself(self, other, ann, phone):
        asked = {"purpose": "login", "flow": "x"}
        answer = json.dumps(phone.sign(passkey.begin_use(ann, **asked)))

        with pytest.raises(PasskeyOver):
            passkey.check(ann, answer, **asked | other)

        assert passkey.check(ann, answer, **asked).user == ann

    @pytest.mark.requirement("MFA-08")
    def test_two_people_in_one_browser_are_never_taken_for_each_other(self, client, ann, phone):
        bob = make_person("bob@example.com", "")
        with_passkey(bob)
        client.post("/accounts/login/", {"email": ADDRESS, "password": PASSWORD})
        shown = client.get("/accounts/login/code/").context["code_form"]
        answer = phone.sign(client.post("/api/login/passkey/options", content_type="application/json").json())
        client.post("/accounts/login/", {"email": bob.email, "password": PASSWORD})

        by_call = client.post(
            "/api/login/verify", {"method": "passkey", "credential": answer}, content_type="application/json"
        )
        by_page = client.post(
            "/accounts/login/code/",
            {"method": "passkey", "code": json.dumps(answer), "flow": shown.initial["flow"]},
        )

        assert by_call.json()["code"] == "code_expired"
        assert by_page["Location"] == "/accounts/login/"
        assert "_auth_user_id" not in client.session

    def test_challenges_that_are_over_are_cleaned_up(self, pending, phone):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            ask(pending)
            clock.shift(301)
            other = APIClient()
            start_sign_in(other)
            ask(other)

        assert PasskeyChallenge.objects.count() == 1

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.django_db(transaction=True)
    def test_of_sixteen_uses_of_one_answer_at_once_one_succeeds(self, phone, ann):
        browser = APIClient()
        start_sign_in(browser)
        answer = phone.sign(ask(browser))

        statuses = run_copies(16, lambda _: give(copy_browser(browser), answer).status_code)

        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 400, 403}
        assert SecurityEvent.objects.filter(user=ann, kind="signed_in").count() == 1
        assert FactorBudget.find(ann).failures == 0

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.django_db(transaction=True)
    def test_of_sixteen_new_passkeys_for_one_challenge_one_is_kept(self, ann):
        browser = APIClient()
        make_fresh(browser, ann)
        options = call(browser, "me/passkeys/options").json()
        made = [Authenticator().make(options) for _ in range(16)]

        statuses = run_copies(
            16, lambda index: call(copy_browser(browser), "me/passkeys", name="x", credential=made[index]).status_code
        )

        assert statuses.count(201) == 1
        assert WebAuthnCredential.objects.filter(user=ann).count() == 1
