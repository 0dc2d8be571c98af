"""Notices by text message: what goes out, what is refused, and what is left in the audit."""

import logging

import pytest
from django.db import transaction

from otp.background import run_after_answer
from otp.client import Client
from otp.exceptions import (
    ChannelUnavailable,
    CountryNotAllowed,
    DestinationBlocked,
    InvalidDestination,
    LimitsUnavailable,
    NotConfigured,
    OtpError,
    ProviderUnavailable,
    TooManyRequests,
)
from otp.models import VerificationAttempt
from otp.notices import send_notice
from otp.tests.twilio_double import Answer
from otp.verify_api.errors import MESSAGE_ERRORS
from otp.verify_api.messages import twilio_messages
from otp.verify_api.service import twilio_verify
from otp.volume import get_counters

OLD_NUMBER = "+12025550123"
TEXT = "SmartFin: the phone number of your account was changed. Not you? Sign in and change your password."
CLIENT = Client("198.51.100.7", "a browser")

pytestmark = pytest.mark.django_db


@pytest.fixture
def notify():
    def send(to=OLD_NUMBER, text=TEXT, **options):
        send_notice(to, text, client=CLIENT, **options)

    return send


def get_attempt():
    return VerificationAttempt.objects.get()


class TestSendNotice:
    @pytest.mark.requirement("REC-07")
    def test_arrives_and_leaves_one_row(self, notify, client, django_user_model):
        user = django_user_model.objects.create_user("alice@example.com", "a longer way home")

        notify(user_id=user.pk)

        (message,) = client.get("/sandbox/messages.json", {"to": OLD_NUMBER}).json()["messages"]
        assert message["body"] == TEXT
        assert (message["channel"], message["code"], message["verification_sid"]) == ("sms", None, None)
        attempt = get_attempt()
        assert (attempt.kind, attempt.outcome, attempt.channel) == ("notice", "ok", "sms")
        assert (attempt.user_id, attempt.client_address) == (user.pk, "198.51.100.7")
        assert (attempt.destination_masked, attempt.country) == ("+1 ••• ••• 0123", "US")
        assert attempt.cost > 0
        assert attempt.duration_ms is not None
        assert not any(OLD_NUMBER in str(value) for value in vars(attempt).values())

    def test_goes_out_through_the_messaging_service(self, notify, twilio, settings):
        notify()

        (received,) = twilio.received
        assert received.path == f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages.json"
        assert received.form == {
            "To": OLD_NUMBER,
            "MessagingServiceSid": settings.TWILIO_MESSAGING_SERVICE_SID,
            "Body": TEXT,
        }

    def test_goes_out_from_a_number_where_there_is_no_messaging_service(self, notify, twilio, settings):
        settings.TWILIO_MESSAGING_SERVICE_SID, settings.TWILIO_NOTICE_FROM = "", "SmartFin"

        notify()

        assert twilio.received[0].form == {"To": OLD_NUMBER, "From": "SmartFin", "Body": TEXT}

    def test_is_folded_to_one_plain_message(self, notify, twilio):
        notify(text="It wasn’t you? " + "Sign in and change your password. " * 10)

        body = twilio.received[0].form["Body"]
        assert body.startswith("It wasn't you?")
        assert len(body) <= 160

    @pytest.mark.parametrize(
        "text", ["Your code is 1234.", "See https://smartfin.example", "Go to www.smartfin", "Read smartfin.example/a"]
    )
    def test_holds_no_code_and_no_link(self, notify, text, twilio):
        with pytest.raises(ValueError, match="no code and no link") as caught:
            notify(text=text)

        assert text not in str(caught.value)
        assert twilio.received == []

    def test_stays_out_of_the_callers_transaction(self, notify, transactional_db):
        with transaction.atomic(), pytest.raises(RuntimeError):
            notify()


class TestRefusals:
    def test_without_a_sender_nothing_goes_out_and_the_row_says_why(self, notify, twilio, settings):
        settings.TWILIO_MESSAGING_SERVICE_SID = settings.TWILIO_NOTICE_FROM = ""

        with pytest.raises(NotConfigured):
            notify()

        assert twilio.received == []
        assert (get_attempt().outcome, get_attempt().reason) == ("not_configured", "no_sender")

    @pytest.mark.parametrize(
        ("to", "error"),
        [
            ("+12", InvalidDestination),
            ("alice@example.com", InvalidDestination),
            ("+18005550123", DestinationBlocked),
            ("+33142685300", ChannelUnavailable),
            ("+8613812345678", CountryNotAllowed),
        ],
    )
    def test_of_what_gets_no_codes_either(self, notify, to, error, twilio):
        with pytest.raises(error):
            notify(to)

        assert twilio.received == []
        assert (get_attempt().kind, get_attempt().outcome) == ("notice", error.code)

    @pytest.mark.parametrize(
        ("setting", "reason"), [("OTP_MAX_SENDS_PER_HOUR", "site"), ("OTP_DAILY_BUDGET", "budget")]
    )
    def test_over_the_limits_of_the_whole_site(self, notify, setting, reason, twilio, settings):
        setattr(settings, setting, 0)

        with pytest.raises(TooManyRequests):
            notify()

        assert twilio.received == []
        assert (get_attempt().outcome, get_attempt().reason) == ("too_many_requests", reason)

    @pytest.mark.parametrize(
        "setting",
        [
            "OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR",
            "OTP_MAX_SENDS_PER_PREFIX_PER_HOUR",
            "OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR",
        ],
    )
    def test_not_over_the_limits_that_one_person_can_use_up(self, notify, setting, twilio, settings):
        setattr(settings, setting, 0)

        notify()

        assert len(twilio.received) == 1

    def test_uses_up_no_codes_of_the_number(self, notify, post):
        for _ in range(4):
            notify()

        assert post("send-otp", to=OLD_NUMBER).status_code == 201

    def test_uncounted_nothing_goes_out(self, notify, twilio, monkeypatch):
        def fail(buckets, shares):
            raise LimitsUnavailable

        monkeypatch.setattr(get_counters(), "take_send", fail)

        with pytest.raises(LimitsUnavailable):
            notify()
        assert twilio.received == []

    @pytest.mark.parametrize("code", sorted(MESSAGE_ERRORS))
    def test_every_code_of_the_table_becomes_its_exception(self, code, notify, twilio):
        twilio.always(Answer.error(400, code, f"Invalid 'To' Phone Number: {OLD_NUMBER}"))

        with pytest.raises(OtpError) as caught:
            notify()

        assert type(caught.value) is MESSAGE_ERRORS[code]
        assert OLD_NUMBER not in str(caught.value)
        assert (get_attempt().provider_code, get_attempt().cost) == (code, None)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"sid": "SM1"}', b"<html>"])
    def test_an_answer_without_a_message_is_none(self, notify, body, twilio):
        twilio.always(Answer(201, body))

        with pytest.raises(ProviderUnavailable):
            notify()
        assert get_attempt().outcome == "provider_unavailable"

    def test_what_did_not_go_out_is_not_charged(self, notify, twilio, settings):
        settings.OTP_PRICES, settings.OTP_DAILY_BUDGET = {"sms": "1"}, 1
        twilio.always(Answer.error(400, 21610))
        with pytest.raises(ChannelUnavailable):
            notify()
        twilio.always(Answer(500, b""))
        with pytest.raises(ProviderUnavailable):  # the answer was lost: the message may be out
            notify()

        with pytest.raises(TooManyRequests):
            notify()


class TestBreaker:
    @pytest.mark.requirement("TOL-07")
    def test_an_outage_of_messaging_stops_notices_and_no_codes(self, notify, post, twilio):
        twilio.answer = lambda received: Answer(503, b"") if "Messages" in received.path else None
        for _ in range(6):
            with pytest.raises(ProviderUnavailable):
                notify()

        assert len(twilio.received) == 5
        assert twilio_messages.breaker.opened
        assert not twilio_verify.breaker.opened
        assert post("send-otp", to=OLD_NUMBER).status_code == 201

    def test_closes_with_the_sandboxs_reset(self, notify, twilio, client):
        twilio.always(Answer(503, b""))
        for _ in range(5):
            with pytest.raises(ProviderUnavailable):
                notify()

        client.post("/sandbox/control", {"reset": True}, content_type="application/json")

        assert not twilio_messages.breaker.opened


class TestAfterTheAnswer:
    def test_no_failure_reaches_the_journey(self, twilio, caplog, django_capture_on_commit_callbacks):
        twilio.always(Answer.error(400, 21610, f"STOP from {OLD_NUMBER}"))

        with caplog.at_level(logging.INFO), django_capture_on_commit_callbacks(execute=True):
            run_after_answer(send_notice, OLD_NUMBER, TEXT, client=CLIENT)
            run_after_answer(send_notice, OLD_NUMBER, "Your code is 123456", client=CLIENT)

        assert "send_notice ended with channel_unavailable" in caplog.text
        assert "send_notice failed: ValueError" in caplog.text
        assert OLD_NUMBER not in caplog.text
        assert "123456" not in caplog.text
