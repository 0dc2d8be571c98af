"""What a sign-in reads of a person: by one statement, and the same as the parts say."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import standing
from accounts.factors import backup_codes
from accounts.factors.methods import list_enrolled
from accounts.models import FactorBudget, KnownBrowser, User
from accounts.tests.people import make_person, with_backup_codes, with_phone, with_totp
from otp.client import Client

pytestmark = pytest.mark.django_db
COOKIE = "x" * 22


def trust(user):
    KnownBrowser.note(user, COOKIE, Client())
    KnownBrowser.trust(user, COOKIE)


def test_everything_in_one_statement(ann, django_assert_num_queries):
    with_backup_codes(with_totp(with_phone(ann)))
    FactorBudget.objects.create(user=ann, failures=3)
    trust(ann)

    with django_assert_num_queries(1):
        found = standing.find(ann.pk, COOKIE)

        assert found.user == ann
        assert found.methods == ["totp", "otp", "backup_code"]
        assert found.budget.failures == 3
        assert found.has_trusted_browser


def test_of_somebody_who_has_nothing(ann):
    found = standing.find(ann.pk)

    assert found.methods == []
    assert found.budget.failures == 0
    assert not found.budget.pk
    assert not found.has_trusted_browser


@pytest.mark.parametrize("preferred", ["", "sms"])
def test_methods_are_those_of_the_list_less_paused_codes(preferred, ann):
    with_backup_codes(with_totp(with_phone(ann, preferred_channel=preferred)))
    enrolled = list_enrolled(ann)
    assert standing.find(ann.pk).methods == enrolled
    backup_codes.pause(ann)

    assert standing.find(ann.pk).methods == [method for method in enrolled if method != "backup_code"]
    with time_machine.travel(timezone.now() + backup_codes.PAUSE_AFTER_RESET):
        assert standing.find(ann.pk).methods == enrolled


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("end", ["switched off", "deleted"])
def test_of_nobody_once_the_account_is_gone(end, ann):
    people = User.objects.filter(pk=ann.pk)
    people.delete() if end == "deleted" else people.update(is_active=False)

    assert standing.find(ann.pk) is None


@pytest.mark.requirement("SES-09")
class TestTrust:
    def test_is_of_one_browser_and_one_person(self, ann):
        bob = make_person("bob@example.com", "+12025550177")
        trust(ann)

        assert not standing.find(ann.pk, "y" * 22).has_trusted_browser
        assert not standing.find(bob.pk, COOKIE).has_trusted_browser
        assert not standing.find(ann.pk).has_trusted_browser

    def test_ends(self, ann):
        trust(ann)
        KnownBrowser.objects.update(trusted_until=timezone.now() - timedelta(seconds=1))
        assert not standing.find(ann.pk, COOKIE).has_trusted_browser
        KnownBrowser.objects.update(trusted_until=None)

        assert not standing.find(ann.pk, COOKIE).has_trusted_browser

    def test_outlives_the_key_of_its_hash(self, ann, settings):
        trust(ann)
        settings.OTP_HASH_KEYS = ["a new one", *settings.OTP_HASH_KEYS]

        assert standing.find(ann.pk, COOKIE).has_trusted_browser
