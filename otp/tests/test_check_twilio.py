"""`manage.py check_twilio`: what it finds, says, and how it ends. The real SDK asks the sandbox or a double."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from otp.exceptions import LimitsUnavailable
from otp.models import Verification, VerificationAttempt
from otp.sandbox.control import change_state
from otp.sandbox.models import Message
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db

TO = "+12025550123"
TRIAL_NUMBER = "+12165550108"


class Operator(io.StringIO):
    """Somebody at the keyboard: answers each prompt with the next of `answers`, a text or what a function gives."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)

    def readline(self, *args):
        if not self.answers:
            return ""
        answer = self.answers.pop(0)
        return (answer() if callable(answer) else answer) + "\n"


def read_code():
    return Message.objects.latest("pk").code


def read_wrong_code():
    code = read_code()
    return code[:-1] + str((int(code[-1]) + 1) % 10)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command: `run("--check-only")`, with an operator's answers; gives what was printed, and the failure."""

    def call(*arguments, answers=()):
        monkeypatch.setattr("sys.stdin", Operator(*answers))
        failure = None
        try:
            call_command("check_twilio", *arguments)
        except CommandError as error:
            failure = error
        return capsys.readouterr().out, failure

    return call


@pytest.fixture
def answer_services(twilio, settings):
    """Have the double know the configured Services, described as told."""

    def tell(**described):
        def answer(received):
            service_sid = received.path.split("/")[3]
            if received.method != "GET":
                return None
            body = {"sid": service_sid, "friendly_name": "Acme", "code_length": 6, "psd2_enabled": False, **described}
            return Answer.of(200, body)

        twilio.answer = answer

    tell()
    return tell


class TestConfiguration:
    def test_sandbox_is_ready_without_any_setting(self, run):
        out, failure = run("--check-only")

        assert failure is None
        assert "sandbox" in out
        assert "All is well." in out
        assert out.count("found, “SmartFin”, codes of 6 digits") == 3
        assert not Verification.objects.exists()

    def test_services_are_fetched_from_the_configured_host(self, run, twilio, answer_services, settings):
        out, failure = run("--check-only")

        assert failure is None
        assert f"{twilio.url}, which is not Twilio's own address" in out
        assert {(received.method, received.path) for received in twilio.received} == {
            ("GET", f"/v2/Services/{sid}")
            for sid in (
                settings.TWILIO_VERIFY_SERVICE_SID,
                settings.TWILIO_LOGIN_SERVICE_SID,
                settings.TWILIO_PSD2_SERVICE_SID,
            )
        }

    @pytest.mark.parametrize(
        ("missing", "sentence"),
        [
            ("TWILIO_ACCOUNT_SID", "TWILIO_ACCOUNT_SID is empty"),
            ("TWILIO_AUTH_TOKEN", "set TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET"),
            ("TWILIO_VERIFY_SERVICE_SID", "TWILIO_VERIFY_SERVICE_SID is empty"),
        ],
    )
    def test_missing_setting_is_named_and_nothing_is_called(self, run, twilio, settings, missing, sentence):
        setattr(settings, missing, "")

        out, failure = run("--check-only")

        assert "Twilio not configured" in out
        assert sentence in out
        assert failure.returncode == 1
        assert twilio.received == []

    def test_api_key_without_secret(self, run, twilio, settings):
        settings.TWILIO_API_KEY = "SK" + "0" * 32

        out, failure = run("--check-only")

        assert "set both or neither" in out
        assert failure

    def test_ids_of_the_wrong_shape(self, run, twilio, settings):
        settings.TWILIO_VERIFY_SERVICE_SID = "MG" + "0" * 32

        out, failure = run("--check-only")

        assert "TWILIO_VERIFY_SERVICE_SID is not a Twilio id." in out
        assert "VA and 32 hexadecimal digits" in out
        assert str(failure) == "Not ready: 1 to put right."

    def test_shared_service_is_a_warning(self, run, twilio, answer_services, settings):
        settings.TWILIO_LOGIN_SERVICE_SID = settings.TWILIO_PSD2_SERVICE_SID = settings.TWILIO_VERIFY_SERVICE_SID

        out, failure = run("--check-only")

        assert failure is None
        assert "warning  Purposes share a Verify Service." in out
        assert "Public codes, Sign-in, Transactions" in out
        assert len(twilio.received) == 1

    def test_short_codes_are_a_warning(self, run, answer_services):
        answer_services(code_length=4)

        out, failure = run("--check-only")

        assert failure is None
        assert out.count("codes are short") == 3

    def test_payments_without_psd2_are_a_warning(self, run, answer_services):
        answer_services(psd2_enabled=False)

        out, failure = run("--check-only")

        assert out.count("PSD2 is off, so messages name no amount") == 1
        assert failure is None

    def test_psd2_is_a_fault_except_for_transactions(self, run, answer_services):
        answer_services(psd2_enabled=True)

        out, failure = run("--check-only")

        assert re.findall(r"(\S+) codes \(\S+\): PSD2 is on|(\S+) \(\S+\): PSD2 is on", out) == [
            ("Public", ""),
            ("", "Sign-in"),
        ]
        assert failure

    def test_unapplied_migration(self, run):
        (newest,) = MigrationLoader(connection).graph.leaf_nodes("otp")
        MigrationRecorder(connection).record_unapplied(*newest)

        out, failure = run("--check-only")

        assert "1 migrations are not applied. Run: python manage.py migrate" in out
        assert failure

    def test_counters_that_do_not_answer(self, run, settings):
        settings.CACHE_URL = "redis://127.0.0.1:1/0"

        out, failure = run("--check-only")

        assert "The counters do not answer" in out
        assert "Check CACHE_URL" in out
        assert failure


class TestProvider:
    def test_nobody_listens(self, run, twilio, settings):
        settings.TWILIO_VERIFY_URL = "http://127.0.0.1:1"

        out, failure = run("--check-only")

        assert "No answer that makes sense from http://127.0.0.1:1" in out
        assert "https://status.twilio.com" in out
        assert failure

    def test_refused_credentials_are_said_once(self, run, twilio):
        twilio.always(Answer.error(401, 20003))

        out, failure = run("--check-only")

        assert out.count("Twilio refuses the credentials.") == 1
        assert len(twilio.received) == 1
        assert failure

    def test_each_unknown_service_is_named(self, run, twilio):
        twilio.always(Answer.error(404, 20404))

        out, failure = run("--check-only")

        assert out.count("these credentials know no such Verify Service.") == 3
        assert str(failure) == "Not ready: 3 to put right."

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(200, b"<html>Welcome to the hotel</html>"),
            Answer.of(200, {}),
            Answer.of(200, {"sid": "VA" + "f" * 32, "friendly_name": "Other", "code_length": 6}),
        ],
    )
    def test_answer_of_something_else_is_no_answer(self, run, twilio, answer):
        twilio.always(answer)

        out, failure = run("--check-only")

        assert "No answer that makes sense" in out
        assert failure

    def test_sandbox_fault(self, run):
        change_state({"fault": "http_503"})

        out, failure = run("--check-only")

        assert "No answer that makes sense from the built-in sandbox" in out
        assert failure

    def test_secrets_are_not_printed(self, run, twilio, answer_services, settings):
        settings.TWILIO_VERIFY_URL = twilio.url.replace("://", "://name:hidden-password@")
        settings.TWILIO_AUTH_TOKEN = "5ecre7" * 5

        out, failure = run("--check-only")

        assert twilio.url.removeprefix("http://") in out
        assert "hidden-password" not in out + str(failure)
        assert settings.TWILIO_AUTH_TOKEN not in out
        assert not re.search(r"[0-9a-f]{32}", out)


class TestSendingAndChecking:
    def test_right_code(self, run, settings):
        out, failure = run("--to", TO, answers=[read_code])

        assert failure is None
        assert "Sent to +1 ••• ••• 0123 by text message." in out
        assert f"read the code at {settings.SITE_URL}/sandbox/" in out
        assert "The code is right." in out
        assert read_code() not in out
        assert list(VerificationAttempt.objects.values_list("kind", "outcome").order_by("pk")) == [
            ("send", "ok"),
            ("check", "ok"),
        ]

    def test_destination_is_asked_for(self, run):
        out, failure = run(answers=["ann@example.com", read_code])

        assert failure is None
        assert "Send a code to" in out
        assert "Sent to a•••@example.com by e-mail." in out

    def test_channel_is_passed_on(self, run, twilio, answer_services):
        out, failure = run("--to", TO, "--channel", "call", answers=["123456"])

        assert failure is None
        assert [send.form for send in twilio.sends] == [{"To": TO, "Channel": "call"}]
        assert "sandbox" not in out

    def test_wrong_code_leaves_another_try(self, run):
        out, failure = run("--to", TO, answers=[read_wrong_code, read_code])

        assert failure is None
        assert "Tries left: 4." in out

    def test_what_is_no_code_costs_no_try(self, run):
        out, failure = run("--to", TO, answers=["12", "abcdef", lambda: " ".join(read_code())])

        assert failure is None
        assert "A code has 4 to 10 digits." in out
        assert "A code is made of digits only." in out
        assert Verification.objects.get().checks == 1

    def test_five_wrong_codes_end_it(self, run):
        out, failure = run("--to", TO, answers=[read_wrong_code] * 6)

        assert "Tries left: 1." in out
        assert "That code isn’t right." in str(failure)
        assert failure.returncode == 1
        assert Verification.objects.get().status == "exhausted"

    @pytest.mark.parametrize("arguments", [[], ["--to", TO]])
    def test_end_of_input_ends_politely(self, run, arguments):
        _, failure = run(*arguments)

        assert str(failure) == "Ended before a code was checked. Nothing else to do."

    def test_trial_account(self, run):
        _, failure = run("--to", TRIAL_NUMBER)

        assert "trial account" in str(failure)
        assert "https://console.twilio.com/us1/develop/phone-numbers/manage/verified" in str(failure)
        assert TRIAL_NUMBER not in str(failure)

    @pytest.mark.parametrize(
        ("to", "channel", "sentence"),
        [
            ("12", "sms", "isn’t valid"),
            ("+4366412345678", "sms", "OTP_ALLOWED_COUNTRIES"),
            ("ann@example.com", "sms", "OTP_CHANNELS"),
        ],
    )
    def test_refusals_of_our_own_say_which_setting(self, run, to, channel, sentence):
        _, failure = run("--to", to, "--channel", channel)

        assert sentence in str(failure)

    def test_too_soon_says_how_long(self, run):
        run("--to", TO)

        _, failure = run("--to", TO)

        assert re.search(r"Wait (29|30) seconds\.", str(failure))

    def test_counters_that_fail_meanwhile(self, run, settings, monkeypatch):
        def cut_off():
            settings.CACHE_URL = "redis://127.0.0.1:1/0"
            return TO

        _, failure = run(answers=[cut_off])

        assert str(LimitsUnavailable.user_message) in str(failure)
        assert not Verification.objects.exists()
