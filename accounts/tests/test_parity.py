"""Pages and API: one table of scenarios, run through both. Same outcome, same audit, same budgets."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import FactorBudget, KnownBrowser, User
from accounts.tests.parity import Calls, Pages
from accounts.tests.people import make_person, sign_in, with_phone, with_totp
from accounts.tests.scenarios import NEW, SCENARIOS, read_code
from accounts.tests.steps import is_signed_in, wrong
from otp.limits import reset_volume_counters
from otp.models import VerificationAttempt
from otp.sandbox.control import change_state
from otp.sandbox.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("API-08")]
PEOPLE = {Pages: ("page@example.com", "+12025550110"), Calls: ("call@example.com", "+12025550111")}


def run(scenario, face, settings, capture):
    """Run one scenario one way; give its outcomes, and everything that it left behind."""
    reset_volume_counters()
    change_state({"fault": None})
    mail.outbox.clear()
    VerificationAttempt.objects.all().delete()
    user = make_person(*PEOPLE[face])
    way = face(Client())
    more = (settings,) if "settings" in scenario.__code__.co_varnames else ()
    outcomes = []
    steps = scenario(way, user, *more)
    while True:
        with capture(execute=True):
            outcome = next(steps, None)
        if outcome is None:
            break
        outcomes.append(outcome)
    attempts = VerificationAttempt.objects.order_by("pk")
    fields = ("kind", "purpose", "channel", "outcome", "reason", "country", "client_address")
    left = {
        "attempts": [(*row, user_id == user.pk) for *row, user_id in attempts.values_list(*fields, "user_id")],
        "events": list(user.security_events.order_by("pk").values_list("kind", "detail", "client_address")),
        "failures": FactorBudget.find(user).failures,
        "is_blocked": FactorBudget.find(user).is_blocked,
        "browsers": KnownBrowser.objects.filter(user=user).count(),
        "mail": [message.subject for message in mail.outbox],
        "is_signed_in": is_signed_in(way.client),
        "has_new_password": User.objects.get(pk=user.pk).check_password(NEW),
        "two_factor_enabled": User.objects.get(pk=user.pk).two_factor_enabled,
    }
    return outcomes, left


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_both_ways_end_alike(scenario, settings, django_capture_on_commit_callbacks):
    settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 3
    countries = list(settings.OTP_ALLOWED_COUNTRIES)
    pages, left_by_pages = run(scenario, Pages, settings, django_capture_on_commit_callbacks)
    settings.OTP_ALLOWED_COUNTRIES = countries
    calls, left_by_calls = run(scenario, Calls, settings, django_capture_on_commit_callbacks)

    assert [outcome.kind for outcome in pages] == [outcome.kind for outcome in calls]
    for page, answer in zip(pages, calls, strict=True):
        answer.says_what(page)
    assert left_by_pages == left_by_calls


class TestOneBudget:
    """What is used up one way is used up the other."""

    @pytest.mark.requirement("THR-09")
    @pytest.mark.parametrize(("first", "second"), [(Pages, Calls), (Calls, Pages)])
    def test_of_passwords(self, first, second, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        for _ in range(2):
            first(Client()).password(ann.email, "wrong")

        outcome = second(Client()).password(ann.email)

        assert (outcome.kind, outcome.status) == ("refused", 429)

    @pytest.mark.requirement("THR-09")
    @pytest.mark.parametrize(("first", "second"), [(Pages, Calls), (Calls, Pages)])
    def test_of_codes_and_proofs(self, first, second, ann):
        with_totp(ann)
        one, other = first(Client()), second(Client())
        one.password(ann.email)
        for _ in range(2):
            one.code("000000", "totp")
        signed_in = first(sign_in(Client(), ann))
        for _ in range(2):
            signed_in.prove("two_factor", "000000", "totp")
        other.password(ann.email)

        assert "Too many wrong codes in a row." in other.code("000000", "totp").text
        assert one.password(ann.email).status == other.password(ann.email).status == 429

    @pytest.mark.requirement("THR-09")
    @pytest.mark.parametrize(("first", "second"), [(Pages, Calls), (Calls, Pages)])
    def test_of_sends(self, first, second, client, ann):
        with_phone(ann)
        first(client).password(ann.email)

        outcome = second(client).send("call")

        assert (outcome.kind, outcome.status) == ("refused", 429)
        assert Message.objects.filter(to=ann.phone).exclude(code="").count() == 1

    @pytest.mark.requirement("THR-09", "OTP-09")
    @pytest.mark.parametrize(("first", "second"), [(Pages, Calls), (Calls, Pages)])
    def test_of_tries_at_a_reset(self, first, second, client, ann, django_capture_on_commit_callbacks):
        pair = (ann.email, ann.phone)
        with django_capture_on_commit_callbacks(execute=True):
            Pages(client).begin_reset(*pair)
        code = read_code(ann.phone)
        for _ in range(4):
            first(client).finish_reset(*pair, wrong(code), NEW)

        assert second(client).finish_reset(*pair, wrong(code), NEW).kind == "refused"
        assert first(client).finish_reset(*pair, code, NEW).kind == "refused"
        ann.refresh_from_db()
        assert not ann.check_password(NEW)

    @pytest.mark.parametrize(("first", "second"), [(Pages, Calls), (Calls, Pages)])
    def test_a_sign_in_begun_one_way_is_finished_the_other(self, first, second, client, ann):
        with_phone(ann)
        first(client).password(ann.email)

        assert second(client).code(read_code(ann.phone)).kind == "done"
        assert is_signed_in(client)
