"""Codes, numbers and passwords stay where they belong: a canary through all flows, then a search everywhere."""

import logging

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail

from otp.models import Verification, VerificationAttempt
from otp.tests.twilio_double import Answer

CODE = "739164"
PASSWORD = "canary-Wq7-password"
NUMBER = "+12025550147"


@pytest.fixture
def answers(api, post, twilio, caplog, django_capture_on_commit_callbacks):
    """All flows, with their right and wrong turns, as one text of everything that was answered."""
    caplog.set_level(logging.DEBUG)
    twilio.code = CODE
    seen = []

    def call(path, **body):
        with django_capture_on_commit_callbacks(execute=True):
            answer = post(path, **body)
        seen.append(f"{answer.status_code} {answer.headers} {answer.content.decode()}")
        return answer

    ann = {"email": "ann@example.com", "phone": NUMBER}
    call("send-otp", to=NUMBER)
    call("send-otp", to=NUMBER)
    call("verify-otp", to=NUMBER, code="000000")
    call("verify-otp", to=NUMBER, code=CODE)
    call("verify-otp", to=NUMBER, code=CODE)
    call("register-with-otp", **ann, password=PASSWORD, otp_code=CODE)
    call("send-otp", to=NUMBER, purpose="registration")
    call("register-with-otp", **ann, password="password", otp_code=CODE)
    call("register-with-otp", **ann, password=PASSWORD, otp_code=CODE)
    call("forgot-password-otp", **ann)
    call("forgot-password-otp", **ann, otp_code=CODE, new_password=PASSWORD + "2")
    twilio.always(Answer.error(403, 60410, f"{NUMBER} prefix is blocked for the SMS channel"))
    call("send-otp", to=NUMBER)
    twilio.always(Answer.error(400, 60200, f"Invalid parameter `To`: {NUMBER}"))
    call("send-otp", to=NUMBER)
    return "\n".join(seen)


def dump_database() -> str:
    rows = []
    for model in apps.get_models():
        if model._meta.app_label != "otp_sandbox":
            rows += [str(row) for row in model._default_manager.values()]
    return "\n".join(rows)


@pytest.mark.django_db
class TestCanary:
    @pytest.mark.requirement("OTP-13")
    def test_the_code_is_nowhere(self, answers, caplog):
        mails = "\n".join(str(message.message()) for message in mail.outbox)

        assert mails
        for place in (answers, caplog.text, dump_database(), mails):
            assert CODE not in place

    @pytest.mark.requirement("CFG-09", "CFG-10")
    def test_the_number_is_with_the_user_and_nowhere_else(self, answers, caplog):
        assert NUMBER not in caplog.text
        assert NUMBER[1:] not in caplog.text
        for model in (Verification, VerificationAttempt):
            assert NUMBER[1:] not in str(list(model.objects.values()))
        assert get_user_model().objects.get().phone == NUMBER

    @pytest.mark.requirement("CFG-09")
    def test_passwords_are_nowhere(self, answers, caplog):
        for place in (answers, caplog.text, dump_database()):
            assert PASSWORD not in place

    @pytest.mark.requirement("API-03")
    def test_answers_name_no_internals(self, answers):
        for verification in Verification.objects.all():
            assert verification.destination_hash not in answers
            if verification.verification_sid:
                assert verification.verification_sid not in answers

    def test_twilios_words_are_nowhere(self, answers, caplog):
        for place in (answers, caplog.text, dump_database()):
            assert "prefix is blocked" not in place
            assert "Invalid parameter" not in place


@pytest.mark.django_db
class TestCrash:
    @pytest.mark.requirement("CFG-09", "OTP-13")
    def test_the_report_of_a_bug_hides_code_and_password(self, post, twilio, monkeypatch, caplog, settings):
        settings.DEBUG_PROPAGATE_EXCEPTIONS = False
        twilio.code = CODE
        post("send-otp", to=NUMBER)
        monkeypatch.setattr(Verification, "approve", lambda self: 1 / 0)

        answer = post("register-with-otp", email="a@example.com", phone=NUMBER, password=PASSWORD, otp_code=CODE)

        assert answer.status_code == 500
        assert "ZeroDivisionError" in caplog.text
        for place in (caplog.text, answer.content.decode()):
            assert CODE not in place
            assert PASSWORD not in place
            assert NUMBER not in place

    def test_a_bug_in_the_api_is_answered_in_the_one_shape(self, api, settings, monkeypatch):
        settings.DEBUG = False
        monkeypatch.setattr("otp.services.send_otp", lambda **kwargs: 1 / 0)

        answer = api.post("/api/send-otp", {"to": NUMBER})

        assert answer.status_code == 500
        assert answer.json().keys() == {"error", "code"}
