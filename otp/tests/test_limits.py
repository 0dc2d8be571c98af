"""How often, how many, and for how much money."""

import time
from decimal import Decimal

import pytest
import redis
import time_machine
from django.conf import settings as django_settings
from django.test import RequestFactory
from django.utils import timezone

from otp import limits
from otp.client import Client, find_client_address
from otp.destinations import parse_destination
from otp.exceptions import LimitsUnavailable
from otp.models import VerificationAttempt
from otp.prices import get_price
from otp.tests.twilio_double import Answer
from otp.volume import Bucket
from otp.volume.memory_counters import MemoryCounters
from otp.volume.redis_counters import KEY_PREFIX, RedisCounters

NUMBER = "+12025550123"
HAS_REDIS = django_settings.CACHE_URL.startswith("redis")


def number(n: int) -> str:
    return f"+1202555{n:04}"


@pytest.fixture(params=["memory", "redis"])
def counters(request):
    """Both kinds of counters, under the same tests."""
    if request.param == "memory":
        return MemoryCounters()
    if not HAS_REDIS:
        pytest.skip("needs Redis: run make test-services, or set CACHE_URL")
    return RedisCounters(django_settings.CACHE_URL)


class TestCounters:
    def test_take_all_or_none(self, counters):
        wide, narrow = Bucket("wide", 10, 3600), Bucket("narrow", 2, 3600)

        results = [counters.take([wide, narrow]) for _ in range(3)]

        assert [result and result.index for result in results] == [None, None, 1]
        # What was refused was counted nowhere.
        assert [counters.take([wide]) for _ in range(9)][-1].index == 0

    @pytest.mark.requirement("THR-13")
    @pytest.mark.parametrize("period", [60, 3600, 86400])
    def test_no_double_burst_at_the_edge_of_a_period(self, counters, period):
        edge = (int(time.time()) // period + 2) * period
        bucket = Bucket("burst", 100, period)
        with time_machine.travel(edge - 1, tick=False) as clock:
            before = sum(counters.take([bucket]) is None for _ in range(150))
            clock.shift(2)
            after = sum(counters.take([bucket]) is None for _ in range(150))

        assert before == 100
        assert before + after <= 120

    @pytest.mark.requirement("THR-14", "THR-15")
    def test_waits_are_true_and_everything_ends(self, counters):
        bucket = Bucket("wait", 10, 3600)
        with time_machine.travel((int(time.time()) // 3600 + 1) * 3600 + 900, tick=False) as clock:
            while (overflow := counters.take([bucket])) is None:
                pass
            clock.shift(overflow.retry_after - 60)
            again = counters.take([bucket])
            assert again is not None
            assert again.retry_after <= 60
            clock.shift(again.retry_after)
            assert counters.take([bucket]) is None
            clock.shift(2 * 3600)
            assert sum(counters.take([bucket]) is None for _ in range(20)) == 10

    def test_weights_count(self, counters):
        bucket = Bucket("money", 100, 3600, weight=30)

        assert [counters.take([bucket]) is None for _ in range(4)] == [True, True, True, False]
        counters.give_back(bucket)
        assert counters.take([bucket]) is None

    def test_a_limit_of_nothing_lets_nothing_through(self, counters):
        overflow = counters.take([Bucket("closed", 0, 3600)])

        assert overflow is not None
        assert overflow.retry_after >= 1

    def test_reset_forgets(self, counters):
        counters.take([Bucket("one", 1, 3600)])
        counters.reset()

        assert counters.take([Bucket("one", 1, 3600)]) is None

    def test_one_of_them_can_be_cleared(self, counters):
        one, other = Bucket("one", 1, 3600), Bucket("other", 1, 3600)
        with time_machine.travel((int(time.time()) // 3600 + 1) * 3600 + 60, tick=False) as clock:
            counters.take([one, other])
            clock.shift(3600)  # what counts is the last period's by now
            counters.clear(one)

            assert counters.take([one]) is None
            assert counters.take([other]) is not None

    @pytest.mark.requirement("THR-14")
    @pytest.mark.skipif(not HAS_REDIS, reason="needs Redis: run make test-services, or set CACHE_URL")
    def test_every_key_in_redis_has_an_end(self):
        RedisCounters(django_settings.CACHE_URL).take([Bucket("ttl", 5, 60), Bucket("money", 500, 86400, 50)])

        store = redis.Redis.from_url(django_settings.CACHE_URL)
        ends = [store.ttl(key) for key in store.scan_iter(f"{KEY_PREFIX}*")]
        store.close()
        assert len(ends) == 2
        assert all(0 < end <= 2 * 86400 for end in ends)

    @pytest.mark.requirement("THR-05")
    def test_a_store_that_is_down_counts_nothing_and_says_so(self):
        with pytest.raises(LimitsUnavailable):
            RedisCounters("redis://127.0.0.1:1/0").take([Bucket("one", 1, 60)])


@pytest.mark.django_db
class TestStoreDown:
    @pytest.mark.requirement("THR-05")
    def test_nothing_is_sent_or_checked_uncounted(self, post, twilio, settings):
        post("send-otp", to=NUMBER)
        settings.CACHE_URL = "redis://127.0.0.1:1/0"

        sent = post("send-otp", to="+12025550124")
        checked = post("verify-otp", to=NUMBER, code="123456")

        for answer in (sent, checked):
            assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
            assert answer.json()["retry_after"] == 5
        assert (len(twilio.sends), len(twilio.checks)) == (1, 0)
        assert VerificationAttempt.objects.filter(outcome="provider_unavailable").count() == 2
        settings.CACHE_URL = django_settings.CACHE_URL
        assert post("verify-otp", to=NUMBER, code="123456").status_code in {200, 503}


@pytest.mark.django_db
class TestSendLimits:
    @pytest.mark.parametrize(
        ("setting", "reason"),
        [
            ("OTP_MAX_SENDS_PER_HOUR", "site"),
            ("OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR", "country"),
            ("OTP_MAX_SENDS_PER_PREFIX_PER_HOUR", "prefix"),
            ("OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR", "address"),
        ],
    )
    def test_each_stops_the_next_send(self, setting, reason, post, twilio, settings):
        setattr(settings, setting, 3)

        answers = [post("send-otp", to=number(100 + n)) for n in range(4)]

        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert answers[3].json()["code"] == "too_many_requests"
        assert 0 < int(answers[3]["Retry-After"]) <= 7200
        assert len(twilio.sends) == 3
        refused = VerificationAttempt.objects.get(outcome="too_many_requests")
        assert refused.reason == reason

    @pytest.mark.requirement("TOL-04")
    def test_many_numbers_of_one_range_from_many_addresses_stop_at_the_range(self, api, twilio):
        statuses = [
            api.post("/api/send-otp", {"to": number(n)}, REMOTE_ADDR=f"198.51.{n // 250}.{n % 250}").status_code
            for n in range(100, 200)
        ]

        assert statuses.count(201) == 50
        assert len(twilio.sends) == 50
        assert api.post("/api/send-otp", {"to": "+12125550123"}, REMOTE_ADDR="203.0.113.1").status_code == 201

    def test_the_budget_is_money(self, post, twilio, settings):
        settings.OTP_DAILY_BUDGET = 0.12
        settings.OTP_PRICES = {"sms": "0.05", "whatsapp": "0.005", "call": "0.05", "email": "0.05"}

        statuses = [post("send-otp", to=number(100 + n)).status_code for n in range(3)]

        assert statuses == [201, 201, 429]
        assert VerificationAttempt.objects.get(outcome="too_many_requests").reason == "budget"
        # What is left still pays for cheaper messages.
        assert post("send-otp", to=number(110), channel="whatsapp").status_code == 201

    @pytest.mark.parametrize("refusal", [Answer.error(403, 60410), Answer.error(429, 20429)])
    def test_what_twilio_refused_costs_nothing(self, refusal, post, twilio, settings):
        settings.OTP_DAILY_BUDGET = 0.05
        twilio.always(refusal)
        post("send-otp", to=number(100))
        twilio.always(None)

        assert post("send-otp", to=number(101)).status_code == 201

    @pytest.mark.requirement("THR-08", "THR-09")
    def test_one_destination_has_one_share_over_spellings_channels_and_purposes(self, post, twilio, settings):
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = 4
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE = 100
        spellings = [
            "+12025550123",
            "+1 (202) 555-0123",
            "tel:+1-202-555-0123",
            "001 202 555 0123",
            "＋12025550123",
        ] * 6
        uses = [("sms", "registration"), ("call", "password_reset"), ("whatsapp", "verification")] * 10

        answers = [
            post("send-otp", to=to, channel=channel, purpose=purpose)
            for to, (channel, purpose) in zip(spellings, uses, strict=True)
        ]

        assert len(twilio.sends) == 4
        assert answers[-1].status_code == 429
        assert 3590 <= answers[-1].json()["retry_after"] <= 3600

    @pytest.mark.requirement("THR-14", "THR-15")
    def test_the_share_comes_back(self, post, twilio, settings):
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = 1
        with time_machine.travel(timezone.now(), tick=False) as clock:
            post("send-otp", to=NUMBER)
            clock.shift(660)
            first = post("send-otp", to=NUMBER).json()["retry_after"]
            clock.shift(60)
            second = post("send-otp", to=NUMBER).json()["retry_after"]
            clock.shift(second)

            assert (first, second) == (2940, 2880)
            assert post("send-otp", to=NUMBER).status_code == 201

    def test_a_refund_that_cannot_be_counted_hides_nothing(self, post, twilio, settings, monkeypatch):
        class Away(MemoryCounters):
            def give_back(self, *buckets):
                raise LimitsUnavailable

        counters = Away()
        monkeypatch.setattr(limits, "get_counters", lambda: counters)
        twilio.always(Answer.error(400, 60200))

        assert post("send-otp", to=NUMBER).json()["code"] == "invalid_destination"

    def test_checks_from_one_network_are_limited(self, post, twilio, settings):
        settings.OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR = 2
        post("send-otp", to=NUMBER)

        answers = [post("verify-otp", to=NUMBER, code="000000") for _ in range(3)]

        assert [answer.json()["code"] for answer in answers] == ["incorrect_code"] * 2 + ["too_many_requests"]
        assert len(twilio.checks) == 2

    def test_counters_hold_no_number_and_no_address(self):
        bucket = limits.SEND_LIMITS[1].get_bucket(parse_destination(NUMBER), Client("198.51.100.7"), "sms")

        assert bucket is not None
        assert "202555" not in bucket.name


class TestClientAddress:
    FORGED = {
        "HTTP_X_FORWARDED_FOR": "203.0.113.9",
        "HTTP_X_REAL_IP": "203.0.113.9",
        "HTTP_FORWARDED": "for=203.0.113.9",
        "HTTP_CF_CONNECTING_IP": "203.0.113.9",
        "HTTP_TRUE_CLIENT_IP": "203.0.113.9",
        "HTTP_CLIENT_IP": "203.0.113.9",
    }

    @pytest.mark.requirement("THR-06")
    def test_is_the_connections_whatever_headers_say(self, settings):
        settings.TRUSTED_PROXY_COUNT = 0
        request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.7", **self.FORGED)

        assert find_client_address(request) == "198.51.100.7"

    @pytest.mark.requirement("THR-06")
    @pytest.mark.parametrize(
        ("count", "forwarded", "address"),
        [
            (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            (2, "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            (1, "198.51.100.7", "198.51.100.7"),
            (1, "203.0.113.9,  2001:db8::7 ", "2001:db8::7"),
            (2, "198.51.100.7", "10.0.0.1"),  # fewer than promised: nobody forwarded this
            (1, "", "10.0.0.1"),
            (1, "<svg onload=alert(1)>", ""),
            (1, "198.51.100.7:51234", "198.51.100.7"),  # as some proxies write it
            (1, "[2001:db8::7]:51234", "2001:db8::7"),
            (1, "[2001:db8::7]", "2001:db8::7"),
        ],
    )
    def test_is_the_one_our_outermost_proxy_wrote(self, count, forwarded, address, settings):
        settings.TRUSTED_PROXY_COUNT = count
        request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)

        assert find_client_address(request) == address

    @pytest.mark.django_db
    @pytest.mark.requirement("THR-06")
    def test_forged_headers_do_not_move_the_limit(self, api, twilio, settings):
        settings.OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR = 3

        statuses = [
            api.post(
                "/api/send-otp",
                {"to": number(100 + n)},
                REMOTE_ADDR="198.51.100.7",
                **dict.fromkeys(self.FORGED, f"203.0.113.{n}"),
            ).status_code
            for n in range(5)
        ]

        assert statuses == [201, 201, 201, 429, 429]
        addresses = set(VerificationAttempt.objects.values_list("client_address", flat=True))
        assert addresses == {"198.51.100.7"}

    @pytest.mark.django_db
    @pytest.mark.requirement("THR-06")
    @pytest.mark.parametrize("address", ["", "unix:", "nonsense"])
    def test_an_address_that_cannot_be_read_is_limited_too(self, address, api, twilio, settings):
        settings.OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR = 2

        statuses = [
            api.post("/api/send-otp", {"to": number(100 + n)}, REMOTE_ADDR=address).status_code for n in range(3)
        ]

        assert statuses == [201, 201, 429]

    @pytest.mark.django_db
    @pytest.mark.requirement("THR-07")
    def test_a_subscribers_whole_ipv6_range_is_one(self, api, twilio, settings):
        settings.OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR = 3

        statuses = [
            api.post("/api/send-otp", {"to": number(100 + n)}, REMOTE_ADDR=f"2001:db8:1:2:{n:x}::{n:x}").status_code
            for n in range(1, 6)
        ]

        assert statuses == [201, 201, 201, 429, 429]
        assert api.post("/api/send-otp", {"to": number(150)}, REMOTE_ADDR="2001:db8:1:3::1").status_code == 201

    def test_an_ipv4_address_in_ipv6_clothes_is_itself(self):
        request = RequestFactory().get("/", REMOTE_ADDR="::ffff:198.51.100.7")

        assert Client.from_request(request).network == "198.51.100.7"


class TestPrices:
    def test_a_country_of_its_own_goes_first(self, settings):
        settings.OTP_PRICES = {"sms": "0.05", "sms:GB": "0.09"}

        assert get_price("sms", "GB") == Decimal("0.09")
        assert get_price("sms", "US") == Decimal("0.05")
        assert get_price("call", "US") == Decimal("0")
