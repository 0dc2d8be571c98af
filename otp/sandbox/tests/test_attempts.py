from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from otp.sandbox.tests.support import PHONE, refused

BRITISH_PHONE = "+447400123456"


class TestDelivery:
    @pytest.mark.parametrize(
        ("to", "channel", "seconds", "status", "error"),
        [
            (PHONE, "sms", 1, "queued", None),
            (PHONE, "sms", 2, "sent", None),
            (PHONE, "sms", 4, "sent", None),
            (PHONE, "sms", 5, "delivered", None),
            (PHONE, "whatsapp", 6, "delivered", None),
            ("a@example.com", "email", 6, "delivered", None),
            ("+13035550103", "sms", 3, "sent", None),
            ("+13035550103", "sms", 6, "undelivered", 30003),
            (PHONE, "call", 0, "queued", None),
            (PHONE, "call", 3, "in-progress", None),
            (PHONE, "call", 6, "completed", None),
            ("+13035550103", "call", 6, "no-answer", 30003),
        ],
    )
    def test_arrives_late_on_the_sandbox_clock(
        self, still_clock, verify, service, set_control, to, channel, seconds, status, error
    ):
        service.verifications.create(to=to, channel=channel)
        set_control(advance_seconds=seconds)

        data = verify.verification_attempts.list()[0].channel_data

        assert data["call_status" if channel == "call" else "message_status"] == status
        assert data["error_code"] == error

    @pytest.mark.parametrize(
        ("to", "channel", "price"),
        [
            (PHONE, "sms", "0.05"),
            (BRITISH_PHONE, "sms", "0.04"),
            (BRITISH_PHONE, "call", "0.06"),
            (PHONE, "whatsapp", "0.005"),
            ("a@example.com", "email", "0.01"),
        ],
    )
    def test_brings_the_price_of_settings_once_it_is_sent(self, verify, service, set_control, to, channel, price):
        service.verifications.create(to=to, channel=channel)
        assert verify.verification_attempts.list()[0].price is None
        set_control(advance_seconds=3)

        assert verify.verification_attempts.list()[0].price == {"value": price, "currency": "usd"}

    def test_says_what_became_of_the_code(self, verify, service, set_control, newest_code):
        service.verifications.create(to=PHONE, channel="sms")
        service.verifications.create(to=BRITISH_PHONE, channel="sms")
        service.verification_checks.create(to=BRITISH_PHONE, code=newest_code())
        set_control(advance_seconds=601)

        confirmed, expired = verify.verification_attempts.list()

        assert (confirmed.channel_data["status"], confirmed.conversion_status) == ("confirmed", "converted")
        assert (expired.channel_data["status"], expired.conversion_status) == ("expired", "unconverted")


@pytest.fixture
def three_attempts(verify, service, newest_code):
    """A converted British SMS after a call and an e-mail."""
    service.verifications.create(to="a@example.com", channel="email")
    other = verify.services(settings.TWILIO_LOGIN_SERVICE_SID)
    other.verifications.create(to=PHONE, channel="call")
    service.verifications.create(to=BRITISH_PHONE, channel="sms")
    return service.verification_checks.create(to=BRITISH_PHONE, code=newest_code())


class TestList:
    @pytest.mark.parametrize(
        ("filters", "channels"),
        [
            ({}, ["sms", "call", "email"]),
            ({"channel": "sms"}, ["sms"]),
            ({"country": "GB"}, ["sms"]),
            ({"channel_data_to": PHONE}, ["call"]),
            ({"status": "converted"}, ["sms"]),
            ({"status": "unconverted"}, ["call", "email"]),
            ({"date_created_after": datetime(2000, 1, 1, tzinfo=UTC)}, ["sms", "call", "email"]),
            ({"date_created_before": datetime(2000, 1, 1, tzinfo=UTC)}, []),
        ],
        ids=str,
    )
    def test_filters(self, verify, three_attempts, filters, channels):
        assert [attempt.channel for attempt in verify.verification_attempts.list(**filters)] == channels

    def test_filters_by_service_and_verification(self, verify, three_attempts):
        by_service = verify.verification_attempts.list(verify_service_sid=settings.TWILIO_LOGIN_SERVICE_SID)
        by_verification = verify.verification_attempts.list(verification_sid=three_attempts.sid)

        assert [attempt.channel for attempt in by_service] == ["call"]
        assert [attempt.channel for attempt in by_verification] == ["sms"]

    def test_reaches_back_thirty_days(self, verify, three_attempts, set_control):
        set_control(advance_seconds=int(timedelta(days=30).total_seconds()))

        assert verify.verification_attempts.list() == []

    @pytest.mark.parametrize(
        "query", ["Channel=pigeon", "Status=maybe", "VerificationSid=1", "DateCreatedAfter=soon", "PageSize=1001"]
    )
    def test_refuses_filters_it_cannot_read(self, verify, plain_session, query):
        answer = plain_session.get(f"https://verify.twilio.com/v2/Attempts?{query}")

        assert (answer.status_code, answer.json()["code"]) == (400, 60200)

    def test_is_capped_at_a_hundred_a_minute(self, verify, set_control):
        for _ in range(100):
            verify.verification_attempts_summary().fetch()

        assert refused(verify.verification_attempts_summary().fetch) == (429, 20429)
        set_control(advance_seconds=60)
        assert verify.verification_attempts_summary().fetch().total_attempts == 0


class TestSummary:
    def test_counts_and_cuts_the_rate_after_nine_places(self, verify, three_attempts):
        summary = verify.verification_attempts_summary().fetch()

        assert (summary.total_attempts, summary.total_converted, summary.total_unconverted) == (3, 1, 2)
        assert summary.conversion_rate_percentage == "33.333333333"

    def test_filters_by_prefix(self, verify, three_attempts):
        summary = verify.verification_attempts_summary().fetch(destination_prefix="+44")

        assert (summary.total_attempts, summary.conversion_rate_percentage) == (1, "100")


class TestPaging:
    def test_walks_absolute_addresses_and_misses_nothing_that_is_older(self, verify, service):
        for number in range(7):
            service.verifications.create(to=f"+120255501{number:02}", channel="sms")

        pages = verify.verification_attempts.page(page_size=3)
        service.verifications.create(to="+12025550199", channel="sms")
        seen = [attempt.channel_data["to"] for attempt in pages]
        while pages := pages.next_page():
            seen += [attempt.channel_data["to"] for attempt in pages]

        assert seen == [f"+120255501{number:02}" for number in reversed(range(7))]

    def test_goes_back_as_well(self, verify, service):
        for number in range(5):
            service.verifications.create(to=f"+120255501{number:02}", channel="sms")

        first = verify.verification_attempts.page(page_size=2, channel="sms")
        second = first.next_page()
        back = second.previous_page()
        first_again = verify.verification_attempts.page(page_size=2)

        assert [attempt.sid for attempt in back] == [attempt.sid for attempt in first_again]
        assert back.previous_page() is None

    def test_refuses_a_token_it_never_gave(self, verify, plain_session):
        answer = plain_session.get("https://verify.twilio.com/v2/Attempts?PageToken=PAVL1")

        assert (answer.status_code, answer.json()["code"]) == (400, 60200)
