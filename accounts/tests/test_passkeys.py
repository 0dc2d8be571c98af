"""Passkeys as a second factor, with an authenticator of software that signs for real, and cheats where it is told."""

import json
from functools import partial

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential
from rest_framework.test import APIClient

from accounts.exceptions import PasskeyOver
from accounts.factors import passkey
from accounts.models import FactorBudget, KnownBrowser, PasskeyChallenge, SecurityEvent
from accounts.tests.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    HONEST,
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    with_passkey,
)
from accounts.tests.people import PASSWORD, make_person, sign_in, turn_on, with_backup_codes, with_totp
from otp.tests.parallel import run_copies

pytestmark = pytest.mark.django_db
ADDRESS = "ann@example.com"


def call(client, path, verb="post", /, **body):
    return getattr(client, verb)(f"/api/{path}", body, format="json")


def start_sign_in(client, email=ADDRESS):
    answer = call(client, "login", email=email, password=PASSWORD)
    assert answer.json()["status"] == "second_factor_required", answer.json()
    return answer.json()


def ask(client):
    answer = call(client, "login/passkey/options")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def give(client, credential):
    return call(client, "login/verify", method="passkey", credential=credential)


def is_signed_in(client):
    return call(client, "session", "get").json()["authenticated"]


def make_fresh(client, user):
    """Sign somebody in who has just proven themself for changing how they sign in."""
    sign_in(client, user)
    session = client.session
    session["fresh_proofs"] = {"factors": int(timezone.now().timestamp())}
    session.save()
    return client


def copy_browser(browser):
    """Give another client with the same cookies: one for each thread."""
    copy = APIClient()
    for name, morsel in browser.cookies.items():
        copy.cookies[name] = morsel.value
    return copy


def prove(client, authenticator, step):
    options = call(client, "step-up/passkey/options", step=step).json()
    return call(client, "step-up/verify", method="passkey", step=step, credential=authenticator.sign(options))


@pytest.fixture
def ann(db):
    return make_person(ADDRESS)


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


class TestAdd:
    @pytest.fixture
    def fresh(self, api, ann):
        """Ann, who has just proven herself with her authenticator app."""
        return make_fresh(api, with_totp(ann))

    def add(self, client, authenticator, name="My phone", **claims):
        options = call(client, "me/passkeys/options").json()
        return call(client, "me/passkeys", name=name, credential=authenticator.make(options, **claims))

    @pytest.mark.requirement("MFA-03", "OTP-15")
    def test_it_is_kept_under_its_name_and_the_person_is_told(
        self, fresh, ann, mailoutbox, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            answer = self.add(fresh, Authenticator(), flags=HONEST | BACKUP_ELIGIBLE)

        assert answer.status_code == 201
        device = WebAuthnCredential.objects.get(user=ann)
        assert answer.json() == {
            "id": device.pk,
            "name": "My phone",
            "created_at": device.created_at.isoformat().replace("+00:00", "Z"),
            "last_used_at": None,
            "synced": False,
        }
        assert (device.backup_eligible, device.transports) == (True, ["internal", "hybrid"])
        assert not hasattr(device, "attestation")
        assert SecurityEvent.objects.filter(user=ann, kind="factor_added", detail="passkey").count() == 1
        assert "passkey" in mailoutbox[0].body

    def test_what_is_asked_for(self, fresh, ann, settings):
        existing = with_passkey(ann)

        options = call(fresh, "me/passkeys/options").json()

        assert options["rp"] == {"name": "SmartFin", "id": "localhost"}
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["attestation"] == "none"
        assert [item["id"] for item in options["excludeCredentials"]] == [existing.make(options)["id"]]
        assert ADDRESS.encode() not in Authenticator().make(options)["rawId"].encode()
        assert {item["alg"] for item in options["pubKeyCredParams"]} == {-7, -8, -257}

    @pytest.mark.requirement("MFA-03")
    @pytest.mark.parametrize("path", ["me/passkeys/options", "me/passkeys"])
    def test_it_takes_a_fresh_proof_of_a_factor(self, path, api, ann):
        with_totp(ann)
        sign_in(api, ann)

        answer = call(api, path, name="My phone", credential={})

        assert (answer.json()["code"], answer.json()["methods"]) == ("step_up_required", ["totp"])

    def test_the_first_factor_turns_the_second_factor_on(self, api):
        bob = make_person("bob@example.com", "")
        sign_in(api, bob)  # a moment ago, with the password: all that he has

        assert self.add(api, Authenticator()).status_code == 201

        bob.refresh_from_db()
        assert bob.two_factor_enabled
        assert start_sign_in(APIClient(), "bob@example.com")["methods"] == ["passkey"]

    def test_whoever_must_set_one_up_can(self, api, settings):
        settings.OTP_REQUIRE_2FA_FOR = "all"
        sign_in(api, make_person("bob@example.com", ""))

        assert self.add(api, Authenticator()).status_code == 201

    @pytest.mark.requirement("OTP-16")
    @pytest.mark.parametrize(
        "claims",
        [
            {"origin": "https://evil.example"},
            {"rp_id": "evil.example"},
            {"flags": USER_PRESENT},
            {"flags": USER_VERIFIED},
            {"type": "webauthn.get"},
            {"cross_origin": True},
            {"fmt": "packed"},
            {"fmt": "made-up"},
        ],
        ids=lambda claims: next(iter(claims)),
    )
    def test_a_wrong_claim_is_refused(self, claims, fresh):
        answer = self.add(fresh, Authenticator(), **claims)

        assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
        assert not WebAuthnCredential.objects.exists()

    @pytest.mark.requirement("OTP-16")
    def test_its_challenge_is_good_once_and_in_this_session_alone(self, fresh, ann):
        options = call(fresh, "me/passkeys/options").json()
        other = make_fresh(APIClient(), ann)
        call(other, "me/passkeys/options")
        elsewhere = call(other, "me/passkeys", name="x", credential=Authenticator().make(options))
        first = call(fresh, "me/passkeys", name="x", credential=Authenticator().make(options))
        second = call(fresh, "me/passkeys", name="y", credential=Authenticator().make(options))

        assert [answer.status_code for answer in (elsewhere, first, second)] == [400, 201, 400]
        assert elsewhere.json()["code"] == second.json()["code"] == "code_expired"

    def test_a_failed_try_uses_the_challenge_up(self, fresh):
        options = call(fresh, "me/passkeys/options").json()
        made = partial(call, fresh, "me/passkeys", name="x")
        made(credential=Authenticator().make(options, flags=USER_PRESENT))

        assert made(credential=Authenticator().make(options)).json()["code"] == "code_expired"

    def test_one_that_is_set_up_already_is_refused_whosever_it_is(self, fresh, ann):
        taken = with_passkey(make_person("bob@example.com", "+12025550124"))

        answer = self.add(fresh, taken)

        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert not WebAuthnCredential.objects.filter(user=ann).exists()

    def test_there_is_an_end_to_it(self, fresh, ann, monkeypatch):
        monkeypatch.setattr("accounts.factors.passkey.MAX_PASSKEYS", 1)
        assert self.add(fresh, Authenticator()).status_code == 201

        assert call(fresh, "me/passkeys/options").status_code == 409

    @pytest.mark.parametrize("kept", [0, 1, 20, 100, 200, 250])
    def test_what_is_cut_off_anywhere_is_refused(self, kept, fresh):
        credential = Authenticator().make(call(fresh, "me/passkeys/options").json())
        whole = credential["response"]["attestationObject"]
        assert len(whole) > 250
        credential["response"]["attestationObject"] = whole[:kept]

        assert call(fresh, "me/passkeys", name="x", credential=credential).json()["code"] == "incorrect_code"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 65, None])
    def test_it_needs_a_name(self, name, fresh):
        answer = call(fresh, "me/passkeys", name=name, credential={})

        assert "name" in answer.json()["fields"]


class TestOwnPasskeys:
    @pytest.fixture
    def inside(self, api, ann, phone):
        sign_in(api, ann)
        return api

    def test_list_and_rename(self, inside, ann):
        device = WebAuthnCredential.objects.get(user=ann)

        renamed = call(inside, f"me/passkeys/{device.pk}", "patch", name="Blue key")

        assert renamed.json()["name"] == "Blue key"
        assert [item["name"] for item in call(inside, "me/passkeys", "get").json()] == ["Blue key"]

    @pytest.mark.requirement("MFA-03", "MFA-07")
    def test_removing_takes_a_fresh_proof_and_leaves_no_empty_second_factor(
        self, inside, ann, phone, mailoutbox, django_capture_on_commit_callbacks
    ):
        path = f"me/passkeys/{WebAuthnCredential.objects.get(user=ann).pk}"
        assert call(inside, path, "delete").json()["code"] == "step_up_required"
        prove(inside, phone, "factors")

        last = call(inside, path, "delete")
        with_totp(ann)
        with django_capture_on_commit_callbacks(execute=True):
            gone = call(inside, path, "delete")

        assert (last.status_code, last.json()["code"]) == (409, "conflict")
        assert gone.status_code == 204
        assert ["passkey" in mail.body for mail in mailoutbox] == [True]
        assert not WebAuthnCredential.objects.exists()
        assert SecurityEvent.objects.filter(user=ann, kind="factor_removed", detail="passkey").count() == 1
        assert start_sign_in(APIClient())["methods"] == ["totp"]

    def test_one_of_two_can_go_and_no_longer_signs_in(self, inside, ann, phone):
        first = WebAuthnCredential.objects.get(user=ann)
        second = with_passkey(ann, name="Blue key")
        prove(inside, second, "factors")

        assert call(inside, f"me/passkeys/{first.pk}", "delete").status_code == 204

        browser = APIClient()
        start_sign_in(browser)
        assert give(browser, phone.sign(ask(browser))).status_code == 400
        assert give(browser, second.sign(ask(browser))).status_code == 200

    def test_somebody_else_s_are_not_there(self, inside, ann, phone):
        with_passkey(make_person("bob@example.com", "+12025550124"))
        path = f"me/passkeys/{WebAuthnCredential.objects.get(user__email='bob@example.com').pk}"
        prove(inside, phone, "factors")

        assert call(inside, path, "patch", name="x").status_code == 404
        assert call(inside, path, "delete").status_code == 404
        assert len(call(inside, "me/passkeys", "get").json()) == 1

    def test_strangers_see_nothing(self, api, phone):
        for method, path in (("get", "me/passkeys"), ("post", "me/passkeys"), ("post", "me/passkeys/options")):
            assert call(api, path, method).json()["code"] == "not_authenticated"


class TestPages:
    @pytest.fixture
    def page(self, client, ann):
        return sign_in(client, ann)

    def read(self, client, address):
        return client.get(address).content.decode()

    @pytest.mark.requirement("OTP-15")
    def test_the_page_that_offers_the_phone_offers_what_cannot_be_phished_with_it(self, page):
        offered = self.read(page, "/accounts/security/two-factor/")

        assert "/accounts/security/passkey/" in offered
        assert "/accounts/security/totp/" in offered
        assert "Text messages and calls can be intercepted" in offered

    def test_sign_in_from_first_page_to_last(self, client, ann, phone):
        client.post("/accounts/login/", {"email": ADDRESS, "password": PASSWORD})
        shown = self.read(client, "/accounts/login/code/")
        options = client.post("/api/login/passkey/options", content_type="application/json").json()

        answer = client.post(
            "/accounts/login/code/",
            {"method": "passkey", "code": json.dumps(phone.sign(options)), "trust_browser": "on"},
        )

        assert "Use a passkey" in shown
        assert "Passkeys need JavaScript" in shown
        assert answer["Location"] == "/"
        assert client.session["signed_in"]["methods"][1]["method"] == "passkey"
        again = client.post("/accounts/login/", {"email": ADDRESS, "password": PASSWORD})
        assert again["Location"] == "/"  # the browser is trusted

    def test_without_scripts_the_page_says_so_and_offers_the_other_ways(self, client, ann, phone):
        with_backup_codes(ann)
        client.post("/accounts/login/", {"email": ADDRESS, "password": PASSWORD})

        shown = client.post("/accounts/login/code/", {"method": "passkey", "code": ""}).content.decode()

        assert "Your browser used no passkey: it needs JavaScript for that." in shown
        assert "?method=backup_code" in shown
        assert 'href="#id_code"' not in shown  # the field is hidden: nothing to lead to

    @pytest.mark.parametrize("code", ["[" * 5000, '{"id": "\\ud800"}', "null", "x"])
    def test_rubbish_is_refused_in_a_sentence(self, code, client, phone):
        client.post("/accounts/login/", {"email": ADDRESS, "password": PASSWORD})

        answer = client.post("/accounts/login/code/", {"method": "passkey", "code": code})

        assert answer.status_code == 200
        assert "That passkey wasn’t accepted." in answer.content.decode()

    def test_a_proof_leads_on_to_where_it_was_asked_for(self, page, phone):
        asked = page.get("/accounts/security/password/")
        shown = self.read(page, asked["Location"])
        options = page.post(
            "/api/step-up/passkey/options", {"step": "password"}, content_type="application/json"
        ).json()
        fields = {"for": "password", "next": "/accounts/security/password/", "method": "passkey"}

        answer = page.post("/accounts/confirm/", {**fields, "code": json.dumps(phone.sign(options))})

        assert 'data-step="password"' in shown
        assert answer["Location"] == "/accounts/security/password/"
        assert page.get("/accounts/security/password/").status_code == 200

    def test_set_up_rename_and_remove(self, client):
        bob = make_person("bob@example.com", "")
        sign_in(client, bob)
        key = Authenticator()
        assert "data-passkey" in self.read(client, "/accounts/security/passkey/")
        options = client.post("/api/me/passkeys/options", content_type="application/json").json()
        fields = {"name": " My phone ", "code": json.dumps(key.make(options))}
        assert client.post("/accounts/security/passkey/", fields)["Location"] == "/accounts/security/"
        device = WebAuthnCredential.objects.get(user=bob)
        assert device.name == "My phone"

        client.post(f"/accounts/security/passkey/{device.pk}/name/", {"name": "<b>Blue</b>"})

        assert "&lt;b&gt;Blue&lt;/b&gt;" in self.read(client, "/accounts/security/")
        make_fresh(client, turn_on(bob, two_factor_enabled=False))
        client.post(f"/accounts/security/passkey/{device.pk}/remove/")
        assert not WebAuthnCredential.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "sentence", "others"),
        [
            ({"name": " ", "code": ""}, "Give it a name.", "Your browser used no passkey"),
            ({"name": "x", "code": ""}, "Your browser used no passkey", "Give it a name."),
            ({"name": "x", "code": "{}"}, "That passkey wasn’t accepted.", "Give it a name."),
        ],
    )
    def test_setting_up_says_what_is_missing(self, fields, sentence, others, client):
        sign_in(client, make_person("bob@example.com", ""))

        shown = client.post("/accounts/security/passkey/", fields).content.decode()

        assert sentence in shown
        assert others not in shown

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_somebody_else_s_is_not_there(self, method, page):
        with_passkey(make_person("bob@example.com", "+12025550124"))
        pk = WebAuthnCredential.objects.get().pk

        assert getattr(page, method)(f"/accounts/security/passkey/{pk}/name/", {"name": "x"}).status_code == 404
        assert WebAuthnCredential.objects.get().name == "My phone"

    def test_setting_up_takes_a_proof_first(self, ann, phone):
        client = sign_in(Client(), ann)

        assert client.get("/accounts/security/passkey/")["Location"].startswith("/accounts/confirm/?for=factors")
