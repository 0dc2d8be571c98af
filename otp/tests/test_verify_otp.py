"""`POST /api/verify-otp` and everything behind it, but for the tokens it gives."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from otp import services, tokens
from otp.client import Client
from otp.destinations import parse_destination
from otp.exceptions import CodeExpired, IncorrectCode, NotFound
from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import Status
from otp.purposes import Purpose
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"


class TestVerifyOtp:
    def test_right_code(self, post, twilio):
        post("send-otp", to=NUMBER)

        answer = post("verify-otp", to="+1 202 555 0123", code="123456")

        assert answer.status_code == 200
        assert answer.json().keys() == {"valid", "status", "verification_token"}
        assert (answer.json()["valid"], answer.json()["status"]) == (True, "approved")

    def test_by_id(self, post, twilio):
        verification_id = post("send-otp", to=NUMBER).json()["verification_id"]

        assert post("verify-otp", verification_id=verification_id, code="123456").json()["valid"] is True

    @pytest.mark.requirement("OTP-06")
    def test_twilio_is_asked_about_the_row_and_nothing_else(self, post, twilio):
        post("send-otp", to=NUMBER)
        post("verify-otp", to=NUMBER, code="123456")

        assert twilio.checks[0].form == {
            "VerificationSid": Verification.objects.get().verification_sid,
            "Code": "123456",
        }

    @pytest.mark.requirement("OTP-05")
    @pytest.mark.parametrize("extra", [{"to": "+12025550199"}, {"user_id": 1}, {"channel": "call", "sid": "VE1"}])
    def test_the_row_decides_not_what_is_sent_along(self, extra, post, twilio):
        verification_id = post("send-otp", to=NUMBER).json()["verification_id"]

        answer = post("verify-otp", verification_id=verification_id, code="123456", **extra)

        token = answer.json()["verification_token"]
        assert tokens.read_token(token, purpose="verification", destination=parse_destination(NUMBER))
        with pytest.raises(CodeExpired):
            tokens.read_token(token, purpose="verification", destination=parse_destination("+12025550199"))

    def test_wrong_code_counts_down(self, post, twilio):
        post("send-otp", to=NUMBER)

        answers = [post("verify-otp", to=NUMBER, code="000000") for _ in range(6)]

        assert [answer.status_code for answer in answers] == [400] * 5 + [429]
        assert [answer.json().get("attempts_left") for answer in answers] == [4, 3, 2, 1, 0, None]
        assert all(answer.json()["valid"] is False for answer in answers)
        assert answers[5].json()["code"] == "too_many_attempts"
        assert 590 <= int(answers[5]["Retry-After"]) <= 600

    @pytest.mark.requirement("OTP-08")
    def test_after_five_wrong_codes_the_right_one_is_too_late(self, post, twilio):
        post("send-otp", to=NUMBER)
        for _ in range(5):
            post("verify-otp", to=NUMBER, code="000000")

        assert post("verify-otp", to=NUMBER, code="123456").status_code == 429
        assert len(twilio.checks) == 5
        again = post("send-otp", to=NUMBER)
        assert (again.status_code, again.json()["code"]) == (429, "too_many_attempts")

    @pytest.mark.requirement("OTP-09")
    def test_new_starts_do_not_buy_new_guesses(self, post, twilio):
        wrong = 0
        for purpose in ["registration", "password_reset", "verification"] * 4:
            post("send-otp", to=NUMBER, purpose=purpose)
            for _ in range(4):
                wrong += post("verify-otp", to=NUMBER, code="000000").json()["code"] == "incorrect_code"

        assert wrong == 10
        assert len(twilio.checks) == 10

    @pytest.mark.requirement("OTP-01")
    def test_a_code_works_once(self, post, twilio):
        post("send-otp", to=NUMBER)
        post("verify-otp", to=NUMBER, code="123456")

        again = post("verify-otp", to=NUMBER, code="123456")

        assert (again.status_code, again.json()["code"], again.json()["valid"]) == (400, "code_expired", False)
        assert len(twilio.checks) == 1

    @pytest.mark.requirement("OTP-07")
    @pytest.mark.parametrize(
        ("age", "status"), [(timedelta(minutes=9, seconds=59), 200), (timedelta(minutes=10, seconds=1), 400)]
    )
    def test_our_own_clock_ends_it(self, age, status, post, twilio):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            post("send-otp", to=NUMBER)
            clock.shift(age)

            assert post("verify-otp", to=NUMBER, code="123456").status_code == status

    @pytest.mark.requirement("OTP-12")
    @pytest.mark.parametrize(
        "spelling",
        [
            "123456",
            " 123456 ",
            "123 456",
            "123-456",
            "1 2 3 4 5 6",
            "１２３４５６",
            "123456\n",
            "123.456",
            "123\u00a0456",
        ],
    )
    def test_odd_spellings_are_folded(self, spelling, post, twilio):
        post("send-otp", to=NUMBER)

        assert post("verify-otp", to=NUMBER, code=spelling).status_code == 200

    @pytest.mark.requirement("OTP-12")
    def test_leading_zeros_are_kept(self, post, twilio):
        twilio.code = "012345"
        post("send-otp", to=NUMBER)

        assert post("verify-otp", to=NUMBER, code="012345").status_code == 200

    @pytest.mark.requirement("OTP-08", "OTP-12")
    @pytest.mark.parametrize(
        "code",
        [
            "",
            " ",
            "12",
            "123",
            "12345678901",
            "abcdef",
            "12345a",
            "12345²⁄",
            "١٢٣٤٥٦",
            123456,
            12345.6,
            True,
            None,
            [],
            ["123456"],
            {"a": 1},
        ],
    )
    def test_a_wrong_format_costs_nothing(self, code, post, twilio):
        post("send-otp", to=NUMBER)

        answer = post("verify-otp", to=NUMBER, code=code)

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_request"
        assert answer.json()["fields"].keys() == {"code"}
        assert Verification.objects.get().checks == 0
        assert twilio.checks == []

    def test_says_what_is_missing(self, post):
        answer = post("verify-otp", code="123456")

        assert answer.status_code == 400
        assert answer.json()["fields"].keys() == {"to"}

    @pytest.mark.requirement("ENU-06")
    def test_other_peoples_ids_look_like_no_ids(self, post, twilio):
        other = services.send_otp(NUMBER, purpose="login", client=Client(), flow="browser")

        answers = [post("verify-otp", verification_id=str(pk), code="123456") for pk in (other.pk, uuid.uuid4())]

        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
        assert twilio.checks == []

    @pytest.mark.requirement("ENU-06")
    def test_ids_are_random(self, post, twilio):
        ids = [
            Verification.make(parse_destination(f"+1202555{n:04}"), channel="sms", purpose="login", service_sid="VA").pk
            for n in range(100, 200)
        ]

        assert len({pk.int >> 64 for pk in ids}) == 100
        assert all(pk.version == 4 for pk in ids)

    def test_a_number_that_cannot_be_read_leaves_its_row(self, post, twilio):
        assert post("verify-otp", to="12", code="123456").json()["code"] == "invalid_destination"
        body = {"email": "ann@example.com", "phone": "12"}
        assert post("forgot-password-otp", **body).json()["code"] == "invalid_destination"
        post("forgot-password-otp", **body, otp_code="123456", new_password="another-good-one")

        rows = VerificationAttempt.objects.order_by("pk").values_list("kind", "outcome", "destination_masked")
        assert list(rows) == [
            ("check", "invalid_destination", ""),
            ("send", "invalid_destination", ""),
            ("check", "invalid_destination", ""),
        ]

    def test_nothing_sent_is_nothing_to_check(self, post, twilio):
        assert post("verify-otp", to=NUMBER, code="123456").json()["code"] == "code_expired"
        assert VerificationAttempt.objects.get().outcome == "code_expired"

    def test_takes_four_queries_and_none_while_twilio_is_asked(self, post, twilio, django_assert_num_queries):
        post("send-otp", to=NUMBER)
        log, seen = connections["default"].queries_log, []
        twilio.answer = lambda received: seen.append(len(log))

        # SQLite can't write the attempt and count it in one.
        with django_assert_num_queries(4 if connection.vendor == "postgresql" else 5):
            post("verify-otp", to=NUMBER, code="123456")
            assert len(log) - seen[0] == 2


class TestOutage:
    @pytest.mark.requirement("OTP-10")
    @pytest.mark.parametrize(
        "answer", [Answer(503, b""), Answer.error(429, 20429), Answer(200, b"<html>"), Answer(200, b"{}")]
    )
    def test_is_not_the_persons_fault(self, answer, post, twilio):
        post("send-otp", to=NUMBER)
        twilio.always(answer)
        failed = post("verify-otp", to=NUMBER, code="123456")
        twilio.always(None)

        assert failed.status_code == 503
        assert failed.json()["valid"] is False
        assert failed.json()["retry_after"] >= 1
        assert post("verify-otp", to=NUMBER, code="000000").json()["attempts_left"] == 4
        assert post("verify-otp", to=NUMBER, code="123456").status_code == 200

    @pytest.mark.requirement("OTP-08")
    def test_a_wrong_code_after_lost_answers_closes_what_cannot_be_proven_any_more(self, post, twilio):
        post("send-otp", to=NUMBER)
        twilio.answer = lambda received: Answer(200, b"<html>") if received.is_check else None
        for _ in range(4):
            post("verify-otp", to=NUMBER, code="123456")
        twilio.always(None)

        last = post("verify-otp", to=NUMBER, code="000000").json()

        assert (last["code"], last["attempts_left"]) == ("incorrect_code", 0)
        assert post("send-otp", to=NUMBER).status_code == 201
        assert post("verify-otp", to=NUMBER, code="123456").status_code == 200

    @pytest.mark.requirement("OTP-08")
    def test_never_more_than_five_checks_leave_whatever_happens(self, post, twilio, settings):
        settings.OTP_BREAKER_FAILURES = 1000
        post("send-otp", to=NUMBER)
        twilio.answer = lambda received: Answer(500, b"") if received.is_check else None

        answers = [post("verify-otp", to=NUMBER, code="123456") for _ in range(10)]

        assert len(twilio.checks) == 5
        assert [answer.status_code for answer in answers] == [503] * 5 + [400] * 5
        assert answers[-1].json()["code"] == "code_expired"
        assert post("send-otp", to=NUMBER).status_code == 201

    def test_twilios_own_cap_ends_it(self, post, twilio):
        post("send-otp", to=NUMBER)
        twilio.always(Answer.error(429, 60202))

        answer = post("verify-otp", to=NUMBER, code="123456")

        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert Verification.objects.get().status == Status.EXHAUSTED

    @pytest.mark.requirement("OTP-10")
    def test_an_approval_for_another_number_is_none(self, post, twilio):
        post("send-otp", to=NUMBER)
        sid = Verification.objects.get().verification_sid
        twilio.answer = lambda received: Answer.of(
            200, twilio.describe(received.path.split("/")[3], sid, "+12025550199", "approved")
        )

        assert post("verify-otp", to=NUMBER, code="123456").status_code == 503
        assert Verification.objects.get().status == Status.PENDING


class TestPurposes:
    @pytest.mark.requirement("OTP-03")
    @pytest.mark.parametrize("used", [purpose for purpose in Purpose if purpose != Purpose.ANY_PUBLIC])
    @pytest.mark.parametrize("asked", list(Purpose))
    def test_a_code_serves_its_own_purpose_alone(self, asked, used, twilio):
        services.send_otp(NUMBER, purpose=asked, client=Client())
        public = {Purpose.VERIFICATION, Purpose.REGISTRATION, Purpose.PASSWORD_RESET}
        is_allowed = asked == used or (asked == Purpose.ANY_PUBLIC and used in public)

        if is_allowed:
            assert services.verify_otp(NUMBER, "123456", purpose=used, client=Client()).status == "approved"
        else:
            with pytest.raises(CodeExpired):
                services.verify_otp(NUMBER, "123456", purpose=used, client=Client())
            assert twilio.checks == []

    @pytest.mark.requirement("OTP-04")
    @pytest.mark.parametrize("wrong", [{"flow": "B"}, {"flow": ""}, {"flow": "A", "user_id": 2}, {"user_id": 1}])
    def test_a_code_serves_the_flow_and_person_it_was_opened_for(self, wrong, twilio, django_user_model):
        user = django_user_model.objects.create_user("ann@example.com", id=1)
        right = {"flow": "A", "user_id": user.pk}
        sent = services.send_otp(NUMBER, purpose="login", client=Client(), **right)

        with pytest.raises(CodeExpired):
            services.verify_otp(NUMBER, "123456", purpose="login", client=Client(), **wrong)
        with pytest.raises(NotFound):
            services.verify_otp(verification_id=sent.pk, code="123456", client=Client())
        assert services.verify_otp(NUMBER, "123456", purpose="login", client=Client(), **right).pk == sent.pk

    @pytest.mark.requirement("OTP-04")
    def test_a_flow_counts_without_a_purpose_too(self, twilio):
        services.send_otp(NUMBER, client=Client())
        with pytest.raises(CodeExpired):
            services.verify_otp(NUMBER, "123456", client=Client(), flow="a stranger's browser")
        with pytest.raises(TypeError):
            services.verify_otp(verification_id=uuid.uuid4(), code="123456", client=Client(), flow="A")
        with pytest.raises(TypeError):
            services.verify_otp(NUMBER, "123456", client=Client(), is_used_at_once=True)

        assert twilio.checks == []
        assert services.verify_otp(NUMBER, "123456", client=Client()).status == "approved"


class TestCancel:
    @pytest.mark.requirement("OTP-11")
    def test_a_cancelled_code_counts_no_more(self, post, twilio):
        verification_id = post("send-otp", to=NUMBER).json()["verification_id"]

        services.cancel(uuid.UUID(verification_id))

        assert post("verify-otp", to=NUMBER, code="123456").json()["code"] == "code_expired"
        with pytest.raises(NotFound):
            services.cancel(uuid.UUID(verification_id))


class TestAudit:
    def test_a_crash_leaves_its_row(self, post, twilio, monkeypatch):
        post("send-otp", to=NUMBER)
        monkeypatch.setattr(Verification, "approve", lambda self: 1 / 0)

        assert post("verify-otp", to=NUMBER, code="123456").status_code == 500
        assert [attempt.outcome for attempt in VerificationAttempt.objects.order_by("pk")] == ["ok", "crashed"]

    def test_says_who_and_what(self, api, twilio):
        api.post("/api/send-otp", {"to": NUMBER}, REMOTE_ADDR="198.51.100.7", HTTP_USER_AGENT="curl/8")

        attempt = VerificationAttempt.objects.get()
        assert (attempt.client_address, attempt.user_agent) == ("198.51.100.7", "curl/8")
        assert (attempt.destination_masked, attempt.country, attempt.prefix) == ("+1 ••• ••• 0123", "US", "+1202555")
        assert attempt.verification_sid == twilio.sids[next(iter(twilio.sids))]
        assert attempt.duration_ms is not None
        assert str(attempt.cost) == "0.05000"

    def test_wrong_codes_are_rows_too(self, post, twilio):
        post("send-otp", to=NUMBER)
        with pytest.raises(IncorrectCode):
            services.verify_otp(NUMBER, "000000", client=Client())

        attempt = VerificationAttempt.objects.get(kind="check")
        assert (attempt.outcome, attempt.purpose, attempt.channel) == ("incorrect_code", "any_public", "sms")
