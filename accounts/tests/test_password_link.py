"""A new password by the link in a mail from support."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import standing
from accounts.flows.password_link import make_token
from accounts.models import FactorBudget, SecurityEvent, User, UserSession
from accounts.models.event import EventKind
from accounts.tests.people import make_person, show_totp_code, sign_in, with_backup_codes, with_totp

pytestmark = pytest.mark.django_db
FORM = "/accounts/password-link/"
NEW = "another-good-one"


@pytest.fixture
def dan(db):
    """Somebody without a phone, and with a password that nobody knows."""
    dan = make_person("dan@example.com", "")
    dan.set_unusable_password()
    dan.save()
    return dan


def follow(browser, person):
    return browser.get(f"{FORM}{make_token(person)}/")


def has(person, password):
    return User.objects.get(pk=person.pk).check_password(password)


class TestLink:
    def test_sets_a_password_once_and_signs_nobody_in(self, client, dan, submit):
        other = sign_in(Client(), dan)
        answer = follow(client, dan)
        assert (answer["Location"], answer["Referrer-Policy"]) == (FORM, "no-referrer")
        assert not has(dan, NEW)

        page = submit(FORM, new_password=NEW).content.decode()

        assert "Your password is set" in page
        assert "_auth_user_id" not in client.session
        assert has(dan, NEW)
        assert other.get("/accounts/security/").status_code == 302
        event = SecurityEvent.objects.get(user=dan)
        assert (event.kind, event.detail) == (EventKind.PASSWORD_RESET, "link")
        assert "set with the link" in mail.outbox[0].body
        assert client.get(FORM).status_code == 404

    def test_shows_no_token_in_the_page(self, client, dan):
        token = make_token(dan)

        page = client.get(f"{FORM}{token}/", follow=True).content.decode()

        assert token.partition(".")[2] not in page

    @pytest.mark.parametrize("fault", ["used", "late", "signed in since", "phone since", "inactive", "forged", "alien"])
    def test_is_over(self, fault, client, dan):
        token = make_token(dan)
        token = {"forged": token[:-1] + "x", "alien": "999.abc-def"}.get(fault, token)
        changes = {
            "used": {"password": "!"},
            "signed in since": {"last_login": timezone.now()},
            "phone since": {"phone": "+12025550188", "phone_verified_at": timezone.now()},
            "inactive": {"is_active": False},
        }
        if fault in changes:
            User.objects.filter(pk=dan.pk).update(**changes[fault])
        with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1) * (fault == "late")):
            answer = client.get(f"{FORM}{token}/", follow=True)

        assert answer.status_code == 404
        assert "no longer good" in answer.content.decode()

    @pytest.mark.parametrize("token", ["", ".", "x.y", "9" * 30 + ".x", "²."])
    def test_nonsense_is_no_fault_of_ours(self, token, client):
        assert client.get(f"{FORM}{token}/", follow=True).status_code == 404
        assert not UserSession.objects.exists()  # strangers fill no table

    def test_a_weak_password_is_refused(self, client, dan):
        follow(client, dan)

        page = client.post(FORM, {"new_password": "12345678"}).content.decode()

        assert "entirely numeric" in page
        assert not has(dan, "12345678")


@pytest.mark.requirement("REC-01")
class TestFactors:
    def test_an_app_must_prove_the_person_too(self, client, dan):
        with_totp(dan)
        follow(client, dan)
        for fields in ({}, {"code": "000000"}):
            client.post(FORM, {"new_password": NEW, **fields})
            assert not has(dan, NEW)
        assert FactorBudget.objects.get(user=dan).failures == 1

        client.post(FORM, {"new_password": NEW, "code": show_totp_code(dan)})

        assert has(dan, NEW)

    def test_or_a_backup_code(self, client, dan):
        with_totp(dan)
        code = with_backup_codes(dan)[0]
        follow(client, dan)
        assert "method=backup_code" in client.get(FORM).content.decode()

        client.post(FORM, {"new_password": NEW, "code": code, "method": "backup_code"})

        assert has(dan, NEW)

    @pytest.mark.requirement("BKP-05")
    def test_the_other_backup_codes_then_wait_for_a_day(self, client, dan):
        with_totp(dan)
        code = with_backup_codes(dan)[0]
        follow(client, dan)
        client.post(FORM, {"new_password": NEW, "code": code, "method": "backup_code"})

        assert standing.find(dan.pk).methods == ["totp"]

        with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
            assert standing.find(dan.pk).methods == ["totp", "backup_code"]
