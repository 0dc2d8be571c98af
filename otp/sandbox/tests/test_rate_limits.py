import pytest

from otp.sandbox import rate_limits
from otp.sandbox.models import Message
from otp.sandbox.tests.support import OTHER_PHONE, PHONE, refused


@pytest.fixture
def by_address(service):
    limit = service.rate_limits.create(unique_name="by_address", description="One end user's address")
    service.rate_limits(limit.sid).buckets.create(max=2, interval=60)
    return service.rate_limits(limit.sid)


class TestCountSend:
    def test_refuses_the_send_over_the_limit_and_says_when_to_come_back(
        self, still_clock, service, by_address, set_control, plain_session
    ):
        for _ in range(2):
            service.verifications.create(to=PHONE, channel="sms", rate_limits={"by_address": "10.0.0.1"})
        set_control(advance_seconds=20)

        answer = plain_session.post(
            by_address.fetch().url.rpartition("/RateLimits")[0] + "/Verifications",
            {"To": PHONE, "Channel": "sms", "RateLimits": '{"by_address": "10.0.0.1"}'},
        )

        assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (
            429,
            20429,
            "Too many requests",
        )
        assert answer.headers["Retry-After"] == "40"
        assert answer.headers["Twilio-Reached-Rate-Limit"] == "by_address"
        assert Message.objects.count() == 2

    def test_counts_each_value_alone_and_forgets_after_the_interval(
        self, still_clock, service, by_address, set_control
    ):
        for _ in range(2):
            service.verifications.create(to=PHONE, channel="sms", rate_limits={"by_address": "10.0.0.1"})
        service.verifications.create(to=OTHER_PHONE, channel="sms", rate_limits={"by_address": "10.0.0.2"})
        set_control(advance_seconds=60)

        assert service.verifications.create(to=PHONE, channel="sms", rate_limits={"by_address": "10.0.0.1"})

    def test_counts_nothing_for_a_send_that_is_refused(self, service, by_address):
        number = service.rate_limits.create(unique_name="by_number")
        service.rate_limits(number.sid).buckets.create(max=1, interval=60)
        service.verifications.create(to=PHONE, channel="sms", rate_limits={"by_number": PHONE})
        both = {"by_address": "10.0.0.1", "by_number": PHONE}

        for _ in range(3):
            assert refused(service.verifications.create, to=PHONE, channel="sms", rate_limits=both) == (429, 20429)

        for _ in range(2):
            service.verifications.create(to=PHONE, channel="sms", rate_limits={"by_address": "10.0.0.1"})


class TestRateLimits:
    def test_are_read_changed_and_deleted(self, service, by_address):
        assert by_address.update(description="Other").description == "Other"
        assert [limit.unique_name for limit in service.rate_limits.list()] == ["by_address"]
        assert by_address.delete()
        assert refused(by_address.fetch) == (404, 20404)

    @pytest.mark.parametrize(
        ("name", "answer"), [("by_address", (400, 60208)), ("no spaces", (400, 60209)), ("", (400, 60200))]
    )
    def test_refuse_names_that_are_taken_or_badly_written(self, service, by_address, name, answer):
        assert refused(service.rate_limits.create, unique_name=name) == answer

    def test_are_limited_in_number(self, service, by_address, monkeypatch):
        monkeypatch.setattr(rate_limits, "MAX_RATE_LIMITS", 1)

        assert refused(service.rate_limits.create, unique_name="second") == (400, 60207)


class TestBuckets:
    def test_are_read_changed_and_deleted(self, by_address):
        bucket = by_address.buckets.list()[0]

        assert by_address.buckets(bucket.sid).update(max=9).max == 9
        assert by_address.buckets(bucket.sid).fetch().interval == 60
        assert by_address.buckets(bucket.sid).delete()
        assert refused(by_address.buckets(bucket.sid).fetch) == (404, 20404)

    def test_refuse_an_interval_twice_and_numbers_out_of_bounds(self, by_address):
        assert refused(by_address.buckets.create, max=1, interval=60) == (400, 60211)
        assert refused(by_address.buckets.create, max=0, interval=61) == (400, 60200)
        assert refused(by_address.buckets.create, max="1e9", interval=61) == (400, 60200)

    def test_are_limited_in_number(self, by_address, monkeypatch):
        monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 1)

        assert refused(by_address.buckets.create, max=1, interval=61) == (400, 60210)
