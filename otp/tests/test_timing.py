"""Time tells nothing: a request about an account takes as long as one about nobody."""

import gc
import math
import random
import time
from statistics import NormalDist, median

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from otp.background import wait_until_done
from otp.client import Client
from otp.flows import password_reset
from otp.models import VerificationAttempt
from otp.tests.twilio_double import TwilioDouble

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("ENU-02")]

PAIRS = 60
WARM_UP_PAIRS = 10
# What nobody can tell over a network, and less than any work that only one kind of request would do: a call to Twilio,
# a password hash, a mail. The test asks for a difference of more than this, so equal times pass all but always; a plain
# test for any difference at all would fail once in a hundred runs by its own definition of p.
MARGIN_MS = 3.0
SMALLEST_P = 0.01
LARGEST_DIFFERENCE_MS = 15.0


class SlowDouble(TwilioDouble):
    """Takes its time over each call, over many at once."""

    seconds = 0.0

    def respond(self, received):
        time.sleep(self.seconds)
        return super().respond(received)


@pytest.fixture
def twilio(settings):
    with SlowDouble() as double:
        settings.OTP_SANDBOX = False
        settings.TWILIO_VERIFY_URL = double.url
        yield double


@pytest.fixture
def policy(settings):
    settings.OTP_BACKGROUND_THREADS = 4
    for name in (
        "SENDS_PER_HOUR",
        "SENDS_PER_COUNTRY_PER_HOUR",
        "SENDS_PER_PREFIX_PER_HOUR",
        "SENDS_PER_ADDRESS_PER_HOUR",
    ):
        setattr(settings, f"OTP_MAX_{name}", 100_000)
    settings.OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR = 100_000
    settings.OTP_DAILY_BUDGET = 100_000
    yield
    wait_until_done()


@pytest.fixture
def people(policy):
    """Give pairs of (email, phone), half of them accounts, as `(known, unknown)` lists."""
    count = PAIRS + WARM_UP_PAIRS
    pairs = [
        (f"u{number}@example.com", f"+1{area}55501{number % 100:02}") for area in (202, 212) for number in range(100)
    ]
    pairs = [(f"{area}-{email}", phone) for (email, phone), area in zip(pairs, ["a"] * 100 + ["b"] * 100, strict=True)]
    random.shuffle(pairs)
    known, unknown = pairs[:count], pairs[count : 2 * count]
    user_model = get_user_model()
    user_model.objects.bulk_create(
        user_model(email=email, phone=phone, phone_verified_at=timezone.now(), password="!") for email, phone in known
    )
    return known, unknown


@pytest.fixture
def forgot():
    """Ask through the whole of Django, with no network to blur it: `forgot(status, email=…)` gives milliseconds."""
    client = APIClient()

    def ask(status, **body):
        started = time.perf_counter()
        answer = client.post("/api/forgot-password-otp", body, format="json")
        took = (time.perf_counter() - started) * 1000
        assert answer.status_code == status, answer.content
        return took

    return ask


def measure(ask, known, unknown):
    """Time both kinds in pairs, each pair in random order, so that whatever drifts drifts for both alike."""
    times = {"known": [], "unknown": []}
    for index, pair in enumerate(zip(known, unknown, strict=True)):
        if index == WARM_UP_PAIRS:
            times = {"known": [], "unknown": []}
            gc.collect()
            gc.disable()
        kinds = list(zip(("known", "unknown"), pair, strict=True))
        random.shuffle(kinds)
        for kind, (email, phone) in kinds:
            times[kind].append(ask(email, phone))
    gc.enable()
    return times["known"], times["unknown"]


def get_p_larger(these, those):
    """Give p of the one-sided Mann-Whitney U test that `these` are larger, by the normal approximation."""
    wins = sum((one > other) + (one == other) / 2 for one in these for other in those)
    mean = len(these) * len(those) / 2
    deviation = math.sqrt(len(these) * len(those) * (len(these) + len(those) + 1) / 12)
    return 1 - NormalDist().cdf((wins - mean) / deviation)


def assert_alike(known, unknown):
    difference = median(known) - median(unknown)
    p_slower = get_p_larger([took - MARGIN_MS for took in known], unknown)
    p_faster = get_p_larger([took - MARGIN_MS for took in unknown], known)
    said = f"known − unknown: {difference:.2f} ms, p slower {p_slower:.3f}, p faster {p_faster:.3f}"
    assert min(p_slower, p_faster) > SMALLEST_P, said
    # Where other work slows everything tenfold, medians differ by chance by more than on a quiet machine; p does not.
    assert abs(difference) < max(LARGEST_DIFFERENCE_MS, median(unknown) / 4), said


class TestMannWhitney:
    """The yardstick itself, against scipy.stats.mannwhitneyu(method="asymptotic", use_continuity=False)."""

    def test_agrees_with_a_known_result(self):
        assert get_p_larger([19, 22, 16, 29, 24], [20, 11, 17, 12]) == pytest.approx(0.0433, abs=0.001)

    def test_tells_a_call_on_the_request_path(self):
        quick = [5 + number / 10 for number in range(PAIRS)]

        with pytest.raises(AssertionError, match=r"slower 0\.000"):
            assert_alike([took + 20 for took in quick], quick)
        with pytest.raises(AssertionError, match=r"faster 0\.000"):
            assert_alike(quick, [took + 20 for took in quick])


class TestForgotPassword:
    def test_start_takes_alike_for_everybody(self, people, forgot, twilio):
        twilio.seconds = 0.3

        known, unknown = measure(lambda email, phone: forgot(202, email=email, phone=phone), *people)
        wait_until_done()

        assert_alike(known, unknown)
        assert {send.form["To"] for send in twilio.sends} == {phone for _, phone in people[0]}
        assert VerificationAttempt.objects.filter(outcome="no_account").count() == len(people[1])

    def test_wrong_code_takes_alike_for_everybody(self, people, forgot, twilio, settings):
        settings.OTP_BACKGROUND_THREADS = 0
        for email, phone in [*people[0], *people[1]]:
            password_reset.start(email=email, phone=phone, client=Client())
        twilio.seconds = 0.02

        def finish(email, phone):
            before = len(twilio.checks)
            took = forgot(400, email=email, phone=phone, otp_code="000000", new_password="a-long-enough-one")
            # The guess about nobody goes to Twilio as well.
            assert len(twilio.checks) == before + 1
            return took

        known, unknown = measure(finish, *people)

        assert_alike(known, unknown)
        assert VerificationAttempt.objects.filter(kind="check", outcome="incorrect_code").count() == 2 * len(people[0])
