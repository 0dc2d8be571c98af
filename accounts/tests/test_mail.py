"""Every mail that tells people of their account: to whom, with which links, and what is never in it."""

import inspect
import re

import pytest
from django.core import mail as django_mail
from django.db import transaction
from django.utils import translation

from accounts import mail
from accounts.models import User
from accounts.tests.people import NUMBER, make_person
from otp import background
from otp import mail as otp_mail
from otp.client import Client

pytestmark = pytest.mark.django_db
SITE = "https://smartfin.example"
STRANGER = Client(
    "203.0.113.9", "Mozilla/5.0 Chrome/140 https://evil.example/login evil.example a@evil.example\nBcc: x"
)
# One row for each function of the two modules: what it is called with, beside the person.
MAILS = {
    mail.send_new_sign_in: {"client": STRANGER},
    mail.send_second_factor_failed: {"client": STRANGER},
    mail.send_factor_added: {"factor": "authenticator app"},
    mail.send_factor_removed: {"factor": "authenticator app"},
    mail.send_two_factor_switched: {"is_on": True},
    mail.send_backup_codes_made: {},
    mail.send_backup_code_used: {"left": 3, "client": STRANGER},
    mail.send_phone_changed: {"new_masked": "+1 ••• ••• 0188", "token": "signed-token"},
    mail.send_phone_change_stopped: {"old_masked": "+1 ••• ••• 0123"},
    mail.send_password_changed: {},
    mail.send_staff_action: {"action": "Your account was unlocked.", "reason": "Called in."},
    mail.send_reset_started: {"path": "/accounts/x/", "by_link": True, "reason": "Called in."},
    mail.send_account_made: {"path": "/accounts/x/", "reason": "New colleague."},
    mail.send_password_set: {},
    otp_mail.send_password_was_reset: {},
    otp_mail.send_welcome: {},
}
every = pytest.mark.parametrize("send", MAILS, ids=lambda send: send.__name__)


@pytest.fixture
def deliver(ann, settings, django_capture_on_commit_callbacks):
    settings.SITE_URL = SITE
    make_person("bob@example.com", "+12025550177")

    def deliver(send):
        with django_capture_on_commit_callbacks(execute=True):
            send(ann.email if send.__module__ == "otp.mail" else ann, **MAILS[send])
            assert django_mail.outbox == []
        return django_mail.outbox[0]

    return deliver


def test_the_table_has_every_function():
    functions = {
        function
        for module in (mail, otp_mail)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("send_") and name != "send_mail" and function.__module__ == module.__name__
    }

    assert functions == set(MAILS)


@pytest.mark.requirement("MFA-07", "REC-13", "OTP-13")
@every
def test_goes_to_the_person_alone_with_links_of_the_site_alone(send, deliver, ann):
    message = deliver(send)

    assert message.recipients() == [ann.email]
    assert message.subject
    assert "\n" not in message.subject
    text = message.subject + message.body
    assert all(link.startswith(f"{SITE}/") or link == SITE for link in re.findall(r"\S+://\S+", text)), text
    for word in ("evil", "testserver", NUMBER, NUMBER[2:], "{{", "{%", "None"):
        assert word not in text, word
    assert not re.search(r"\b\d{6}\b", text), text  # no code, and nothing that looks like one


@pytest.mark.requirement("ENU-02")
@every
def test_leaves_after_the_answer_and_not_at_all_with_a_change_that_did_not_happen(send, ann, settings):
    person = ann.email if send.__module__ == "otp.mail" else ann

    with transaction.atomic():
        send(person, **MAILS[send])
        transaction.set_rollback(True)

    assert django_mail.outbox == []


@every
def test_is_in_the_language_of_the_person(send, deliver, ann):
    User.objects.update(language="es")
    ann.refresh_from_db()
    english = deliver(send).subject
    if send.__module__ == "otp.mail":
        django_mail.outbox.clear()
        with translation.override("es"):
            assert deliver(send).subject != english
    else:
        with translation.override("en"):
            django_mail.outbox.clear()
            assert deliver(send).subject == english
            ann.language = "en"
            django_mail.outbox.clear()
            assert deliver(send).subject != english


def test_a_mail_server_that_is_down_stands_in_nobody_s_way(
    ann, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    def fail(*args, **kwargs):
        raise OSError(f"cannot deliver to {ann.email}")

    monkeypatch.setattr("otp.mail.send_mail", fail)

    with django_capture_on_commit_callbacks(execute=True):
        mail.send_password_changed(ann)

    assert ann.email not in caplog.text
    assert background.logger.name in caplog.text


def test_a_browser_that_calls_itself_honestly_is_named(deliver):
    assert "Browser: Chrome" in deliver(mail.send_new_sign_in).body
