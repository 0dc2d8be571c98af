"""Adding, naming and removing passkeys."""

from functools import partial

import pytest
from django_otp_webauthn.models import WebAuthnCredential
from rest_framework.test import APIClient

from accounts.models import SecurityEvent
from accounts.tests.authenticator import (
    BACKUP_ELIGIBLE,
    HONEST,
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    with_passkey,
)
from accounts.tests.passkey_steps import (
    ADDRESS,
    ask,
    call,
    give,
    make_fresh,
    prove,
    start_sign_in,
)
from accounts.tests.people import make_person, sign_in, with_totp

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(ann):
    """Ann's phone, with her passkey."""
    return with_passkey(ann)


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
