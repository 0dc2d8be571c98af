"""Passkeys on the pages, without a browser."""

import json

import pytest
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from accounts.tests.authenticator import (
    Authenticator,
    with_passkey,
)
from accounts.tests.passkey_steps import (
    ADDRESS,
    make_fresh,
)
from accounts.tests.people import PASSWORD, make_person, sign_in, turn_on, with_backup_codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(ann):
    """Ann's phone, with her passkey."""
    return with_passkey(ann)


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
