"""`POST /api/forgot-password-otp` and the flow behind it."""

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from accounts.tests.people import sign_in
from otp import background, mail, sending
from otp.client import Client as OtpClient
from otp.destinations import parse_destination
from otp.flows import password_reset
from otp.limits import reset_volume_counters
from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import Status
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"
ANN = {"email": "ann@example.com", "phone": NUMBER}
NEW = "another-good-one"


@pytest.fixture(autouse=True)
def _work_after_commit(django_capture_on_commit_callbacks, post):
    """Without a transaction of the test's own around it, work starts as soon as it is handed in."""


@pytest.fixture
def ann():
    return get_user_model().objects.create_user(
        "ann@example.com", "old-password-1", phone=NUMBER, phone_verified_at=timezone.now()
    )


@pytest.fixture
def call(post, django_capture_on_commit_callbacks):
    def call(**body):
        with django_capture_on_commit_callbacks(execute=True):
            return post("forgot-password-otp", **body)

    return call


class TestStart:
    def test_sends_to_the_owner(self, call, ann, twilio):
        answer = call(**ANN)

        assert answer.status_code == 202
        assert answer.json() == {
            "status": "pending",
            "to": "+1 ••• ••• 0123",
            "channel": "sms",
            "expires_in": 600,
            "resend_in": 30,
        }
        assert [send.form["To"] for send in twilio.sends] == [NUMBER]

    @pytest.mark.requirement("ENU-01", "REC-06")
    @pytest.mark.parametrize(
        ("body", "changes"),
        [
            ({**ANN, "email": "stranger@example.com"}, {}),
            ({**ANN, "phone": "+12025550188"}, {}),
            (ANN, {"is_active": False}),
            (ANN, {"phone_verified_at": None}),
        ],
    )
    def test_says_the_same_and_sends_nothing_where_there_is_no_account(self, body, changes, call, ann, twilio):
        get_user_model().objects.update(**changes)

        answer = call(**body)

        assert answer.status_code == 202
        expected = {"status": "pending", "channel": "sms", "expires_in": 600, "resend_in": 30}
        assert answer.json() == {**expected, "to": f"+1 ••• ••• {body['phone'][-4:]}"}
        assert twilio.sends == []
        assert VerificationAttempt.objects.get().outcome == "no_account"

    @pytest.mark.requirement("ENU-03")
    def test_is_limited_alike_for_everybody(self, call, ann, twilio, settings):
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = 3
        statuses = {}
        for phone in (NUMBER, "+12025550188"):
            with time_machine.travel(timezone.now(), tick=False) as clock:
                statuses[phone] = []
                for wait in (0, 1, 30, 60, 90):
                    clock.shift(wait)
                    statuses[phone].append(call(email="ann@example.com", phone=phone).status_code)

        assert statuses[NUMBER] == statuses["+12025550188"]
        assert 429 in statuses[NUMBER]

    @pytest.mark.requirement("ENU-01")
    @pytest.mark.parametrize("email", ["ann@example.com", "stranger@example.com"])
    def test_an_outsiders_own_code_for_the_number_tells_nothing(self, email, call, post, ann, twilio):
        verification_id = post("send-otp", to=NUMBER).json()["verification_id"]

        call(email=email, phone=NUMBER)

        answer = post("verify-otp", verification_id=verification_id, code="000000")
        assert (answer.status_code, answer.json()["code"]) == (400, "code_expired")
        assert len(twilio.received) == 3

    @pytest.mark.requirement("ENU-01", "ENU-07")
    @pytest.mark.parametrize("guesses", [0, 5])
    def test_an_outsiders_code_in_between_tells_nothing(self, guesses, call, post, ann, twilio):
        seen = []
        for email in ("ann@example.com", "stranger@example.com"):
            phone = NUMBER if email == "ann@example.com" else "+12025550188"
            body = {"email": email, "phone": phone}
            call(**body)
            before = len(twilio.received)
            answers = [call(**body, otp_code="000000", new_password=NEW) for _ in range(guesses)]
            answers += [post("send-otp", to=phone, purpose="verification")]
            answers += [call(**body, otp_code="000000", new_password=NEW), call(**body)]
            seen.append(
                [(answer.status_code, answer.json()["code"] if answer.status_code >= 400 else "") for answer in answers]
                + [len(twilio.received) - before - sum(send.form["To"] == phone for send in twilio.sends)]
            )

        assert seen[0][:-1] == seen[1][:-1]

    @pytest.mark.requirement("ENU-04")
    @pytest.mark.parametrize(
        "trouble", [Answer.error(400, 60200), Answer.error(403, 60410), Answer.error(403, 60605), Answer(503, b"")]
    )
    def test_twilios_trouble_does_not_show(self, trouble, call, ann, twilio):
        twilio.always(trouble)
        known, unknown = call(**ANN), call(email="stranger@example.com", phone="+12025550188")
        twilio.always(None)

        assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
        known, unknown = (
            call(email=email, phone=phone, otp_code="000000", new_password=NEW)
            for email, phone in (("ann@example.com", NUMBER), ("stranger@example.com", "+12025550188"))
        )
        assert known.json() == unknown.json()

    def test_changes_nothing_about_the_account(self, call, ann, twilio, client):
        sign_in(client, ann)
        call(**ANN)

        ann.refresh_from_db()
        assert ann.check_password("old-password-1")
        assert client.get("/api/me").status_code == 200

    @pytest.mark.parametrize("body", [{"email": "x", "phone": NUMBER}, {"email": "a@b.cd"}, {"phone": NUMBER}, {}])
    def test_needs_both(self, body, call):
        assert call(**body).json()["code"] == "invalid_request"


class TestFinish:
    def test_sets_the_password(self, call, ann, twilio):
        call(**ANN)

        answer = call(**ANN, otp_code="123456", new_password=NEW)

        assert answer.status_code == 200
        assert answer.json() == {"status": "password_changed"}
        ann.refresh_from_db()
        assert ann.check_password(NEW)
        assert Verification.objects.get().status == Status.REDEEMED

    def test_with_a_code_asked_for_by_send_otp(self, call, post, ann, twilio):
        post("send-otp", to=NUMBER)

        assert call(**ANN, otp_code="123456", new_password=NEW).status_code == 200

    def test_with_a_token(self, call, post, ann, twilio):
        post("send-otp", to=NUMBER, purpose="password_reset")
        token = post("verify-otp", to=NUMBER, code="123456").json()["verification_token"]

        assert call(**ANN, verification_token=token, new_password=NEW).status_code == 200
        again = call(**ANN, verification_token=token, new_password="yet-another-one")
        assert again.json()["code"] == "code_expired"

    @pytest.mark.requirement("REC-03")
    def test_ends_every_session_and_tells_the_person(self, call, ann, twilio, mailoutbox):
        jars = [Client(), Client(), Client()]
        for jar in jars:
            sign_in(jar, ann)
            assert jar.get("/api/me").status_code == 200
        call(**ANN)

        answer = call(**ANN, otp_code="123456", new_password=NEW)

        assert "sessionid" not in answer.cookies
        assert [jar.get("/api/me").status_code for jar in jars] == [403, 403, 403]
        (message,) = mailoutbox
        assert message.to == ["ann@example.com"]
        assert "password" in message.subject
        assert "http://127.0.0.1:8000" in message.body
        assert NEW not in message.body
        assert NUMBER not in message.body

    @pytest.mark.requirement("REC-03", "OTP-11")
    def test_voids_what_is_open(self, call, post, ann, twilio):
        post("send-otp", to=NUMBER)
        token = post("verify-otp", to=NUMBER, code="123456").json()["verification_token"]
        call(**ANN)

        call(**ANN, otp_code="123456", new_password=NEW)

        again = call(**ANN, verification_token=token, new_password="yet-another-one")
        assert again.json()["code"] == "code_expired"

    @pytest.mark.requirement("REC-03", "OTP-11")
    def test_voids_codes_to_the_address_too(self, call, post, ann, twilio):
        post("send-otp", to="ann@example.com")
        call(**ANN)
        call(**ANN, otp_code="123456", new_password=NEW)

        assert post("verify-otp", to="ann@example.com", code="123456").json()["code"] == "code_expired"

    @pytest.mark.requirement("ENU-04", "ENU-07")
    @pytest.mark.parametrize(
        "lie",
        [
            Answer.error(404, 20404),
            Answer.error(429, 60202),
            Answer.of(200, {"sid": "VE1", "to": "+1", "status": "approved", "service_sid": "VA"}),
            Answer.of(200, {"sid": "VE1", "to": "+1", "status": "fulfilled", "service_sid": "VA"}),
        ],
    )
    def test_nothing_twilio_says_of_a_code_tells_who_has_an_account(self, lie, call, ann, twilio):
        pairs = [("ann@example.com", NUMBER), ("stranger@example.com", "+12025550188")]
        for email, phone in pairs:
            call(email=email, phone=phone)
        twilio.answer = lambda received: lie if received.is_check else None

        known, unknown = (
            [call(email=email, phone=phone, otp_code="123456", new_password=NEW).json() for _ in range(6)]
            for email, phone in pairs
        )

        assert known[:5] == unknown[:5]
        assert known[5]["code"] == unknown[5]["code"] == "too_many_attempts"

    @pytest.mark.requirement("ENU-03", "ENU-04")
    def test_money_and_breaker_do_not_tell_either(self, call, post, ann, twilio, settings):
        settings.OTP_DAILY_BUDGET = 0.05
        seen = []
        for email in ("ann@example.com", "stranger@example.com"):
            reset_volume_counters()
            phone = NUMBER if email == "ann@example.com" else "+12025550188"
            before = len(twilio.received)
            call(email=email, phone=phone)
            seen.append((len(twilio.received) - before, post("send-otp", to="+12025550177").status_code))

        assert seen == [(1, 429), (1, 429)]

    @pytest.mark.requirement("ENU-01", "ENU-03")
    def test_a_send_that_comes_late_does_not_go_out_for_a_row_that_is_gone(self, post, ann, twilio, settings):
        opening = sending.open_send(
            parse_destination(NUMBER), channel="sms", purpose="password_reset", client=OtpClient(), binding="x"
        )
        post("send-otp", to=NUMBER)

        password_reset.deliver_to_owner(opening, "ann@example.com")

        assert len(twilio.sends) == 1
        opening.attempt.refresh_from_db()
        assert opening.attempt.outcome == "code_expired"

    @pytest.mark.requirement("REC-04")
    def test_a_code_is_for_one_reset_of_one_person(self, call, ann, twilio):
        get_user_model().objects.create_user("bob@example.com", phone="+12025550177", phone_verified_at=timezone.now())
        call(**ANN)

        for email, phone in (("bob@example.com", "+12025550177"), ("bob@example.com", NUMBER)):
            answer = call(email=email, phone=phone, otp_code="123456", new_password=NEW)
            assert answer.status_code == 400
        assert call(**ANN, otp_code="123456", new_password=NEW).status_code == 200
        assert call(**ANN, otp_code="123456", new_password="yet-another-one").json()["code"] == "code_expired"

    def test_a_weak_password_costs_no_try(self, call, ann, twilio):
        call(**ANN)

        answer = call(**ANN, otp_code="123456", new_password="password")

        assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
        assert answer.json()["fields"].keys() == {"new_password"}
        assert twilio.checks == []

    @pytest.mark.requirement("OTP-03")
    def test_a_code_for_registration_does_not_reset(self, call, post, ann, twilio):
        post("send-otp", to=NUMBER, purpose="registration")

        assert call(**ANN, otp_code="123456", new_password=NEW).json()["code"] == "code_expired"
        assert twilio.checks == []

    @pytest.mark.requirement("ENU-07")
    def test_guesses_cost_and_say_the_same_without_an_account(self, call, ann, twilio):
        answers = {}
        for email, phone in (("ann@example.com", NUMBER), ("stranger@example.com", "+12025550188")):
            call(email=email, phone=phone)
            before = len(twilio.checks)
            answers[phone] = [call(email=email, phone=phone, otp_code="000000", new_password=NEW) for _ in range(6)]
            assert len(twilio.checks) - before == 5

        known, unknown = answers.values()
        assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
        assert [answer.json().get("attempts_left") for answer in known] == [4, 3, 2, 1, 0, None]
        assert [answer.content for answer in known[:5]] == [answer.content for answer in unknown[:5]]

    @pytest.mark.requirement("ENU-07", "OTP-10")
    def test_a_decoy_is_never_right(self, call, post, twilio):
        # The number is proven, but there is no account to reset; and Twilio would approve anything.
        post("send-otp", to="+12025550188")
        twilio.answer = lambda received: (
            Answer.of(
                200, twilio.describe(received.path.split("/")[3], received.form["VerificationSid"], NUMBER, "approved")
            )
            if received.is_check
            else None
        )

        answer = call(email="stranger@example.com", phone="+12025550188", otp_code="123456", new_password=NEW)

        assert answer.json()["code"] == "incorrect_code"

    def test_an_account_that_is_switched_off_midway_stays_shut(self, call, ann, twilio):
        call(**ANN)
        get_user_model().objects.update(is_active=False)

        answer = call(**ANN, otp_code="123456", new_password=NEW)

        assert answer.json()["code"] == "incorrect_code"
        ann.refresh_from_db()
        assert ann.check_password("old-password-1")


class TestBackground:
    def test_work_is_done_in_threads_after_the_commit(self, transactional_db, settings, mailoutbox):
        settings.OTP_BACKGROUND_THREADS = 2

        mail.send_password_was_reset("ann@example.com")
        background.wait_until_done()

        assert [message.to for message in mailoutbox] == [["ann@example.com"]]

    def test_a_failure_is_logged_without_what_it_was_about(self, transactional_db, caplog):
        def explode(secret: str) -> None:
            raise ValueError(secret)

        background.run_after_answer(explode, "ann@example.com")

        assert "explode failed" in caplog.text
        assert "ann@example.com" not in caplog.text
