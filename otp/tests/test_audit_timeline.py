"""The story of a verification in the admin site, and what to tell the person."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.people import make_person
from otp.models import Verification
from otp.models.attempt import Outcome
from otp.tests.audit_pages import LIST, NUMBER, VERIFICATIONS, make_to
from otp.tests.records import make_attempt, make_check, make_verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def verification():
    return make_verification(NUMBER)


class TestTimeline:
    def read(self, client, verification):
        page = client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        text = re.sub(r"<[^>]+>", " ", page[page.index('class="story"') : page.index("</section>")])
        return re.sub(r"\s+", " ", text)

    def test_tells_in_order_what_happened_and_what_to_say(self, verification, admin_client):
        start = verification.created_at
        own = {"verification": verification, "destination_hash": verification.destination_hash}
        make_attempt(at=start, **own)
        make_attempt(
            at=start + timedelta(seconds=9),
            destination_hash=own["destination_hash"],
            outcome="too_many_requests",
            reason="resend_wait",
        )
        make_check(at=start + timedelta(seconds=40), outcome="incorrect_code", **own)
        make_attempt(at=start + timedelta(seconds=50), outcome="invalid_request", provider_code=60203, **own)
        make_to("+12025550124", at=start)
        make_to(NUMBER, at=start - timedelta(hours=1), reason="resend_race", outcome="too_many_requests")

        text = self.read(admin_client, verification)

        places = [
            text.index(words)
            for words in (
                "Twilio took the message and passed it on.",
                "Asked again before the waiting time was over.",
                "The digits were wrong.",
                "Twilio's error 60203",
            )
        ]
        assert places == sorted(places)
        assert text.count("Tell them:") == 4
        assert text.count("beside this verification") == 1
        assert "resend_race" not in text

    def test_says_what_twilio_knows_of_the_delivery(self, verification, admin_client):
        from otp.models import Delivery

        now = timezone.now()
        attempt = make_attempt(verification=verification, attempt_sid="VL" + "d" * 32)
        Delivery.objects.create(
            attempt_sid=attempt.attempt_sid,
            attempt=attempt,
            status="undelivered",
            error_code=30003,
            created_at=now,
            synced_at=now,
        )

        text = self.read(admin_client, verification)

        assert "could not be delivered" in text
        assert "Twilio's error 30003" in text
        assert text.index("Ask whether the phone is on") < text.index("could not be delivered")  # the summary

    def test_has_the_notices_to_its_person(self, verification, admin_client):
        ann = make_person()
        Verification.objects.filter(pk=verification.pk).update(user=ann)
        make_attempt(kind="notice", purpose="", user=ann)

        assert "The phone was told what was done with the account." in self.read(admin_client, verification)

    @pytest.mark.parametrize(
        "status", ["approved", "redeemed", "exhausted", "expired", "canceled", "failed", "pending"]
    )
    def test_sums_up_every_state(self, status, verification, admin_client):
        Verification.objects.filter(pk=verification.pk).update(status=status)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        assert re.search(r'<p class="summary">[^<]{20,}</p>', page)

    def test_takes_few_queries_and_does_not_grow(self, verification, admin_client, django_assert_max_num_queries):
        for _ in range(30):
            make_check(verification=verification, outcome="incorrect_code", user=make_person(f"{_}@example.com", ""))
        with django_assert_max_num_queries(8):
            admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/")

    def test_shows_neither_binding_nor_kept_code_nor_number(self, verification, admin_client):
        Verification.objects.filter(pk=verification.pk).update(binding="b" * 64, kept_code="c" * 64)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()

        assert "b" * 64 not in page
        assert "c" * 64 not in page
        assert "2025550123" not in page

    def test_leads_to_the_person_and_to_all_attempts_there(self, verification, admin_client):
        ann = make_person()
        Verification.objects.filter(pk=verification.pk).update(user=ann)
        attempt = make_attempt(verification=verification, user=ann)

        page = admin_client.get(f"{VERIFICATIONS}{verification.pk}/change/").content.decode()
        listed = admin_client.get(LIST).content.decode()

        assert f'href="{reverse("admin:accounts_user_change", args=[ann.pk])}"' in page
        assert f'href="{LIST}?to={verification.destination_hash}"' in page
        assert f'href="{LIST}{attempt.pk}/change/"' in page
        assert f'href="{VERIFICATIONS}{verification.pk}/change/"' in listed
        assert f'href="{reverse("admin:accounts_user_change", args=[ann.pk])}"' in listed

    def test_names_an_account_that_is_gone_by_its_number(self, verification, admin_client):
        ann = make_person()
        number, attempt = ann.pk, make_attempt(user=ann)
        ann.delete()

        for address in (LIST, f"{LIST}{attempt.pk}/change/"):
            assert f"{number} (account gone)" in admin_client.get(address).content.decode()


class TestAdvice:
    def test_every_outcome_and_every_limit_has_one(self):
        from otp import guard
        from otp.limits import CHECK_LIMITS, NOTICE_LIMITS, SEND_LIMITS
        from otp.operations.advice import ADVICE, REASONS

        assert set(ADVICE) == set(Outcome.values) - {"ok"}
        assert {rule.reason for rule in guard.RULES} <= set(REASONS)
        assert {limit.name for limit in (*SEND_LIMITS, *CHECK_LIMITS, *NOTICE_LIMITS)} <= set(REASONS)

    def test_an_open_attempt_is_under_way_at_first(self):
        from otp.operations.advice import get_advice

        assert "under way" in str(get_advice(make_attempt(outcome="crashed")).why)
        assert "stopped" in str(get_advice(make_attempt(outcome="crashed", ago=timedelta(minutes=1))).why)
