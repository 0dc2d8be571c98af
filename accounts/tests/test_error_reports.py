"""A fault in the middle of anything: what is written down of it holds no password, no code and no number."""

import sys

import pytest
from django.core.signals import got_request_exception
from django.test import Client
from django.views.debug import ExceptionReporter

from accounts.tests.people import NUMBER, sign_in, with_phone, with_totp
from accounts.tests.steps import give_password
from accounts.urls import urlpatterns

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CFG-09")]
SECRETS = {
    "password": "a-secret-password",
    "new_password": "a-new-secret-password",
    "code": "739164",
    "totp_code": "739165",
    "otp_code": "739166",
    "email_code": "739167",
    "backup_code": "ZZZZ-YYYY-XXXXX",
}
FAULTS = {
    "/accounts/login/": "accounts.flows.login.authenticate",
    "/accounts/login/code/": "accounts.factors.totp.TOTP",
    "/accounts/confirm/?for=password": "accounts.factors.totp.TOTP",
    "/accounts/password-reset/code/": "otp.flows.password_reset.find_user",
    "/accounts/security/password/": "accounts.flows.password_change.authenticate_password",
    "/accounts/phone-change/code/": "otp.services.checking.check_for",
    "/api/login": "accounts.flows.login.authenticate",
    "/api/login/verify": "accounts.factors.totp.TOTP",
    "/api/step-up/verify": "accounts.factors.totp.TOTP",
    "/api/forgot-password-otp": "otp.flows.password_reset.find_user",
    "/api/register-with-otp": "otp.flows.registration.services.prove",
    "/api/verify-otp": "otp.services.checking.check_public",
}


@pytest.fixture
def reports(settings):
    """What Django would send to the administrators of a fault, as text and as a page."""
    settings.DEBUG = False  # reports hide things only then, which is when they are sent
    texts = []

    def write(request, **kwargs):
        reporter = ExceptionReporter(request, *sys.exc_info(), is_email=True)
        texts.extend([reporter.get_traceback_text(), reporter.get_traceback_html()])

    got_request_exception.connect(write)
    yield texts
    got_request_exception.disconnect(write)


@pytest.mark.parametrize("address", FAULTS)
def test_a_forced_fault_reports_nothing_that_was_typed(address, reports, ann, monkeypatch, caplog):
    with_phone(with_totp(ann))
    client = Client(raise_request_exception=False)
    prepare(client, address, ann)

    def fail(*args, **kwargs):
        raise RuntimeError("forced")

    monkeypatch.setattr(FAULTS[address], fail)
    fields = {"email": ann.email, "phone": NUMBER, "to": NUMBER, "method": "totp", "for": "password", **SECRETS}
    if address.startswith("/api/"):
        names = {"/api/login/verify": {"code", "method"}, "/api/step-up/verify": {"code", "method"}}
        body = {name: value for name, value in fields.items() if name in names.get(address, fields)}
        answer = client.post(address, body, content_type="application/json")
    else:
        answer = client.post(address, fields)

    assert answer.status_code == 500, answer.content
    assert len(reports) == 2
    for text in (*reports, caplog.text, answer.content.decode()):
        for name, secret in SECRETS.items():
            assert secret not in text, name


def prepare(client, address, user):
    """Bring a browser to where the address asks for something."""
    if "login/" in address and address != "/accounts/login/":
        give_password(client)
    elif address == "/accounts/password-reset/code/":
        client.post("/accounts/password-reset/", {"email": user.email, "phone": user.phone})
    elif address.startswith(("/accounts/confirm", "/accounts/security", "/accounts/phone", "/api/step-up")):
        sign_in(client, user)
        session = client.session
        session["fresh_proofs"] = {"password": 2**40, "phone_change": 2**40}
        session.save()
        if "phone" in address:
            client.post("/accounts/phone-change/", {"phone": "+12025550188"})


def test_every_page_of_accounts_hides_what_is_posted_to_it():
    """The decorator sits on each view: a new page without it fails here."""
    for pattern in urlpatterns:
        view = pattern.callback
        hidden = False
        while view is not None and not hidden:
            hidden = "sensitive_post_parameters_wrapper" in getattr(view, "__qualname__", "") or any(
                "sensitive_post_parameters" in getattr(cell.cell_contents, "__qualname__", "")
                for cell in (getattr(view, "__closure__", None) or ())
                if callable(cell.cell_contents)
            )
            hidden = hidden or "debug.py" in view.__code__.co_filename
            view = getattr(view, "__wrapped__", None)
        assert hidden, pattern.name
