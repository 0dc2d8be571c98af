"""Every address that changes a setting: by POST, with a CSRF token, with a fresh proof, and no other way."""

import pytest
from django.test import Client
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential

from accounts.assurance import Step
from accounts.models import BackupCode, KnownBrowser, PhoneChange, TotpDevice, User, UserSession
from accounts.tests.authenticator import with_passkey
from accounts.tests.people import PASSWORD, sign_in, with_backup_codes, with_phone, with_totp

pytestmark = pytest.mark.django_db
NEW = "another-good-one"
ADDRESSES = {
    "/accounts/security/two-factor/switch/": {"enabled": ""},
    "/accounts/security/channel/": {"channel": "call"},
    "/accounts/security/sessions/end/": {},
    "/accounts/security/sessions/{session}/end/": {},
    "/accounts/security/password/": {"password": PASSWORD, "new_password": NEW},
    "/accounts/security/totp/": {"code": "123456"},
    "/accounts/security/phone/": {},
    "/accounts/security/backup-codes/": {},
    "/accounts/security/totp/{pk}/remove/": {},
    "/accounts/security/passkey/": {"name": "x", "code": "{}"},
    "/accounts/security/passkey/{passkey}/name/": {"name": "x"},
    "/accounts/security/passkey/{passkey}/remove/": {},
    "/accounts/phone-change/": {"phone": "+12025550188"},
    "/accounts/phone-change/code/": {"code": "123456"},
    "/accounts/phone-change/code/resend/": {},
    "/accounts/logout/": {},
}
NEED_NO_PROOF = {"/accounts/logout/", "/accounts/security/channel/", "/accounts/security/passkey/{passkey}/name/"}
CALLS = {
    "/api/me/two-factor": ("patch", {"enabled": False}),
    "/api/step-up/send": ("post", {}),
    "/api/step-up/verify": ("post", {"code": "123456"}),
    "/api/logout": ("post", {}),
    "/api/login": ("post", {"email": "ann@example.com", "password": PASSWORD}),
    "/api/login/send": ("post", {}),
    "/api/login/verify": ("post", {"code": "123456"}),
    "/api/login/passkey/options": ("post", {}),
    "/api/step-up/passkey/options": ("post", {}),
    "/api/me/passkeys/options": ("post", {}),
    "/api/me/passkeys": ("post", {"name": "x", "credential": {}}),
    "/api/me/passkeys/{passkey}": ("delete", {}),
}


def take_stock(user):
    """Everything that a setting can change."""
    fields = User.objects.filter(pk=user.pk).values().get()
    fields.pop("last_login")
    return (
        fields,
        list(TotpDevice.objects.order_by("pk").values("pk", "confirmed")),
        list(BackupCode.objects.order_by("pk").values()),
        list(WebAuthnCredential.objects.order_by("pk").values("pk", "name")),
        list(KnownBrowser.objects.values()),
        sorted(UserSession.objects.exclude(user=None).values_list("user_id", flat=True)),
        PhoneChange.objects.count(),
    )


@pytest.fixture
def fresh(ann):
    """Ann's browser with a proof for everything, one other session, and CSRF tokens checked as in production."""
    with_backup_codes(with_phone(with_totp(ann)))
    with_passkey(ann)
    sign_in(Client(), ann)
    client = sign_in(Client(enforce_csrf_checks=True), ann, device=TotpDevice.objects.get())
    session = client.session
    session["fresh_proofs"] = dict.fromkeys(Step.values, int(timezone.now().timestamp()))
    session.save()
    return client


def fill_in(address):
    return address.format(
        pk=TotpDevice.objects.get().pk,
        passkey=WebAuthnCredential.objects.get().pk,
        session=UserSession.objects.exclude(user=None).earliest("expire_date").handle,
    )


@pytest.mark.requirement("MFA-04", "API-05")
@pytest.mark.parametrize("address", ADDRESSES)
def test_without_a_csrf_token_nothing_changes(address, fresh, ann):
    before = take_stock(ann)

    answer = fresh.post(fill_in(address), ADDRESSES[address])

    assert answer.status_code == 403
    assert take_stock(ann) == before


@pytest.mark.requirement("MFA-04", "CFG-07")
@pytest.mark.parametrize("address", ADDRESSES)
def test_by_another_method_nothing_changes(address, fresh, ann):
    fresh.handler.enforce_csrf_checks = False
    before = take_stock(ann)
    fields = ADDRESSES[address]
    at = fill_in(address)

    for method in ("get", "head", "options", "put", "patch", "delete", "trace"):
        data = {} if method == "trace" else {"data": fields} if method in {"get", "head"} else {}
        answer = getattr(fresh, method)(at, **data)
        assert answer.status_code < 500, method
    fresh.get(at, {"_method": "POST", **fields}, headers={"X-HTTP-Method-Override": "POST"})
    fresh.get(at, fields, headers={"X-HTTP-Method": "POST", "X-Method-Override": "POST"})

    after = take_stock(ann)
    # Looking at the page of an app begins to set one up: nothing signs in by it yet.
    after[1][:] = [row for row in after[1] if row["confirmed"]]
    assert after == before


@pytest.mark.requirement("MFA-04", "MFA-03", "REC-07")
@pytest.mark.parametrize("address", sorted(set(ADDRESSES) - NEED_NO_PROOF))
def test_without_a_fresh_proof_nothing_changes(address, fresh, ann):
    """A stolen session."""
    fresh.handler.enforce_csrf_checks = False
    session = fresh.session
    session["fresh_proofs"] = dict.fromkeys(Step.values, int(timezone.now().timestamp()) - 301)
    session.save()
    before = take_stock(ann)

    answer = fresh.post(fill_in(address), ADDRESSES[address])

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/confirm/?for=")
    assert take_stock(ann) == before


@pytest.mark.requirement("MFA-04")
def test_with_all_of_it_something_does(fresh, ann):
    """The counterpart: what the others hold back is there to be held back."""
    fresh.handler.enforce_csrf_checks = False
    for address in ("/accounts/security/two-factor/switch/", "/accounts/security/sessions/end/"):
        sign_in(Client(), ann)
        before = take_stock(ann)
        fresh.post(address, ADDRESSES[address])
        assert take_stock(ann) != before


@pytest.mark.requirement("MFA-04", "API-05")
@pytest.mark.parametrize("address", CALLS)
@pytest.mark.parametrize("who", ["ann", "nobody"])
def test_every_call_of_the_session_asks_for_a_token(address, who, fresh, ann):
    """Strangers' too: signing somebody in to another's account is an attack as well."""
    method, body = CALLS[address]
    client = fresh if who == "ann" else Client(enforce_csrf_checks=True)
    before = take_stock(ann)

    for headers in ({}, {"X-CSRFToken": "x" * 64}):
        answer = getattr(client, method)(fill_in(address), body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")
        assert "csrf_token" in answer.json()["error"] or who == "nobody"

    assert take_stock(ann) == before
    assert "pending_login" not in client.session


@pytest.mark.requirement("API-05")
@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/password-reset/", "/accounts/register/"])
def test_forms_of_strangers_ask_for_one_too(address, ann):
    client = Client(enforce_csrf_checks=True)

    answer = client.post(address, {"email": ann.email, "password": PASSWORD, "phone": ann.phone})

    assert answer.status_code == 403
    assert not client.session.keys()
