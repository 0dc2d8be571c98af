"""The link by which the owner stops a change of their number."""

import re

import pytest
import time_machine
from django.core import mail, signing
from django.test import Client
from django.utils import timezone

from accounts import recovery
from accounts.flows import phone_change
from accounts.models import PhoneChange, PhoneDevice, User, UserSession
from accounts.tests.people import NUMBER, make_person, show_totp_code, sign_in, with_phone, with_totp, with_totp_device
from accounts.tests.steps import ask_for_proof, give_proof, is_signed_in, read
from otp.models import Verification

pytestmark = pytest.mark.django_db
STOP = "/accounts/phone-change/stop/"
FIRST, SECOND = "+12025550188", "+12025550199"


def change_to(user, number, *, ago=0):
    """Change a number as the flow leaves it, some minutes ago; gives the link's path."""
    user.refresh_from_db()
    moment = timezone.now() - timezone.timedelta(minutes=ago)
    row = PhoneChange.objects.create(user=user, old_phone=user.phone, new_phone=number, changed_at=moment)
    phone_change._put(user, number, changed_at=moment)
    return f"{STOP}{phone_change.make_stop_token(row)}/"


def stop(link, client=None):
    client = client or Client()
    client.get(link)
    return client.post(STOP)


def get_phone(user):
    return User.objects.get(pk=user.pk).phone


class TestStop:
    @pytest.mark.requirement("REC-07", "REC-13")
    def test_the_mail_s_link_puts_the_old_number_back(self, client, ann, read_code, django_capture_on_commit_callbacks):
        thief = sign_in(Client(), ann, device=with_totp_device(ann))
        give_proof(thief, "phone_change", show_totp_code(ann), "totp")
        with django_capture_on_commit_callbacks(execute=True):
            thief.post("/accounts/phone-change/", {"phone": FIRST})
            thief.post("/accounts/phone-change/code/", {"code": read_code(FIRST)})
        link = re.search(r"http://127\.0\.0\.1:8000(/accounts/phone-change/stop/\S+)", mail.outbox[0].body)[1]
        ask_for_proof(thief, "password")

        # The token leaves the address at once, and goes along to no other site.
        answer = client.get(link)
        assert (answer["Location"], answer["Referrer-Policy"]) == (STOP, "no-referrer")
        page = client.get(STOP)
        # Not "no-referrer" here: with it browsers send the form without an origin, and Django refuses it.
        assert (page["Referrer-Policy"], "no-store" in page["Cache-Control"]) == ("same-origin", True)
        assert "+1 ••• ••• 0123" in read(page)
        assert get_phone(ann) == FIRST  # a look changes nothing: mail scanners follow links
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            stopped = client.post(STOP)
        assert "0123</span> again, and everybody is signed out" in read(stopped)
        assert "remove every way to sign in that you did not set up" in read(stopped)

        ann.refresh_from_db()
        assert (ann.phone, ann.phone_changed_at) == (NUMBER, None)
        assert ann.phone_verified_at is not None
        assert not is_signed_in(thief)
        assert not is_signed_in(client)
        assert not Verification.objects.filter(status="pending").exists()
        assert [message.subject for message in mail.outbox] == ["The change of your phone number was stopped"]
        assert "+1 ••• ••• 0123" in mail.outbox[0].body
        assert ann.security_events.filter(kind="phone_change_stopped").count() == 1

    @pytest.mark.requirement("REC-07")
    def test_works_once(self, ann):
        link = change_to(ann, FIRST)
        assert stop(link).status_code == 200
        change_to(ann, SECOND)

        answer = stop(link)

        assert answer.status_code == 404
        assert "That link is no longer good." in read(answer)
        assert get_phone(ann) == SECOND

    @pytest.mark.requirement("REC-07")
    @pytest.mark.parametrize(("days", "status"), [(2.99, 200), (3.01, 404)])
    def test_works_for_three_days(self, days, status, ann):
        link = change_to(ann, FIRST)

        with time_machine.travel(timezone.now() + timezone.timedelta(days=days)):
            assert stop(link).status_code == status

    def test_a_forged_link_is_none(self, client, ann):
        real = change_to(ann, FIRST)
        another_salt = signing.dumps(str(PhoneChange.objects.get().pk), salt="another")

        for link in (f"{STOP}x/", f"{STOP}{another_salt}/", f"{real[:-3]}xx/"):
            assert stop(link, client).status_code == 404
        assert get_phone(ann) == FIRST
        assert not UserSession.objects.exists()  # strangers fill no table

    def test_one_that_is_over_leaves_no_earlier_one_in_its_place(self, client, ann):
        client.get(change_to(ann, FIRST))

        assert stop(f"{STOP}x/", client).status_code == 404
        assert get_phone(ann) == FIRST

    def test_the_first_of_two_stops_both(self, ann):
        first = change_to(ann, FIRST, ago=2)
        second = change_to(ann, SECOND)

        stop(first)

        assert get_phone(ann) == NUMBER
        assert stop(second).status_code == 404
        assert get_phone(ann) == NUMBER

    @pytest.mark.requirement("REC-08", "REC-07")
    def test_the_second_of_two_brings_a_number_back_that_stays_a_new_one(self, ann, settings):
        """Two changes by a thief: stopping the last one alone must not leave them with a number that resets."""
        first = change_to(ann, FIRST, ago=2)
        second = change_to(ann, SECOND)

        stop(second)

        ann.refresh_from_db()
        assert ann.phone == FIRST
        assert recovery.is_needed(ann)
        # And the first link still stops the first change.
        assert stop(first).status_code == 200
        assert get_phone(ann) == NUMBER

    def test_a_number_that_has_gone_to_somebody_else_stays_theirs(self, ann):
        link = change_to(ann, FIRST)
        make_person("bob@example.com", NUMBER)

        answer = stop(link)

        assert answer.status_code == 409
        assert get_phone(ann) == FIRST
        assert PhoneChange.objects.get().stopped_at is None

    def test_of_the_first_number_leaves_none_and_no_second_factor_without_a_factor(self, client):
        bob = make_person("bob@example.com", "")
        link = change_to(bob, FIRST)
        with_phone(bob)

        page = stop(link, client)

        assert page.status_code == 200
        bob.refresh_from_db()
        assert (bob.phone, bob.phone_verified_at, bob.two_factor_enabled) == ("", None, False)
        assert not PhoneDevice.objects.exists()

    def test_of_the_first_number_keeps_the_other_factors(self, client):
        bob = with_totp(make_person("bob@example.com", ""))
        link = change_to(bob, FIRST)
        with_phone(bob)

        stop(link, client)

        bob.refresh_from_db()
        assert bob.two_factor_enabled

    @pytest.mark.parametrize("end", ["switched off", "deleted"])
    def test_of_an_account_that_is_no_more(self, end, ann):
        link = change_to(ann, FIRST)
        if end == "deleted":
            ann.delete()
        else:
            User.objects.update(is_active=False)

        assert stop(link).status_code == 404

    def test_needs_a_csrf_token(self, ann):
        link = change_to(ann, FIRST)

        assert stop(link, Client(enforce_csrf_checks=True)).status_code == 403
        assert get_phone(ann) == FIRST

    def test_signs_nobody_in_and_leaves_a_visitor_who_they_were(self, client, ann):
        bob = make_person("bob@example.com", SECOND)
        sign_in(client, bob)

        stop(change_to(ann, FIRST), client)

        assert client.get("/api/me").json()["email"] == bob.email
        assert get_phone(bob) == SECOND
