"""How long a session lasts, as pages say it and as they ask for it."""

import time

import pytest
from django.test import Client

from accounts.models.session import SIGNED_IN
from accounts.tests.people import make_person, sign_in
from accounts.tests.steps import read

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("UX-06")]
ADDRESS = "/accounts/session/"


def sign_in_idle(client, ann, *, idle=0, ago=None):
    """Sign somebody in who has done nothing since."""
    sign_in(client, ann, ago=ago or idle)
    session = client.session
    session[SIGNED_IN] = {**session[SIGNED_IN], "seen_at": int(time.time()) - idle}
    session.save()
    return client


class TestAsking:
    def test_is_no_use_of_the_session(self, client, ann):
        sign_in_idle(client, ann, idle=1000)
        before = client.session[SIGNED_IN]["seen_at"]

        answer = client.get(ADDRESS)

        assert 790 < answer.json()["left"] <= 800
        assert answer.json()["is_final"] is False
        assert client.session[SIGNED_IN]["seen_at"] == before
        assert "no-store" in answer["Cache-Control"]

    def test_pressing_the_button_is_use(self, client, ann):
        sign_in_idle(client, ann, idle=1000)

        answer = client.post(ADDRESS)

        assert answer.json()["left"] > 1790
        assert client.get(ADDRESS).json()["left"] > 1790

    @pytest.mark.requirement("SES-06")
    def test_no_use_puts_off_the_end_of_a_session_that_has_lasted_long(self, client, ann, settings):
        sign_in_idle(client, ann, ago=settings.SESSION_COOKIE_AGE - 100)

        answer = client.post(ADDRESS).json()

        assert answer["is_final"] is True
        assert 90 < answer["left"] <= 100

    def test_a_session_that_is_over_has_nothing_left_and_stays_over(self, client, ann):
        sign_in_idle(client, ann, idle=1801)

        assert client.post(ADDRESS).json() == {"left": 0, "is_final": True}
        assert client.get("/accounts/security/").status_code == 302

    def test_strangers_have_none(self, client, db):
        assert client.get(ADDRESS).json() == {"left": 0, "is_final": True}

    @pytest.mark.requirement("MFA-04")
    def test_the_button_needs_the_page_that_it_is_on(self, ann):
        client = sign_in_idle(Client(enforce_csrf_checks=True), ann)

        assert client.post(ADDRESS).status_code == 403

    @pytest.mark.requirement("SES-06")
    def test_a_page_that_moves_money_has_less(self, client, ann):
        sign_in_idle(client, ann, idle=100)

        assert 190 < client.get(f"{ADDRESS}?money=1").json()["left"] <= 200


class TestPages:
    def test_say_the_limit_and_how_long_is_left(self, client, ann, settings):
        settings.SESSION_IDLE_SECONDS = 300
        page = read(sign_in_idle(client, ann).get("/accounts/security/"))

        assert "You are signed out after 5 minutes without use." in page
        assert 'data-left="300"' in page
        assert 'data-warn="60"' in page
        assert 'data-over="/accounts/security/"' in page

    @pytest.mark.parametrize(("idle", "warning"), [(1800, 60), (90, 30), (40, 20)])
    def test_warn_twenty_seconds_before_at_least(self, client, ann, settings, idle, warning):
        settings.SESSION_IDLE_SECONDS = idle

        assert f'data-warn="{warning}"' in read(sign_in_idle(client, ann).get("/accounts/security/"))

    def test_say_nothing_of_it_to_strangers(self, client, db):
        page = read(client.get("/accounts/login/"))

        assert "session-warning" not in page
        assert "session-time.js" not in page

    def test_say_once_that_the_session_is_over_and_lead_back(self, client, ann):
        sign_in_idle(client, ann, idle=1801)

        answer = client.get("/accounts/security/channel/", follow=True)

        assert answer.redirect_chain[-1][0] == "/accounts/login/?next=/accounts/security/channel/"
        assert "You were signed out: nothing was done for 30 minutes" in read(answer)
        assert "You were signed out" not in read(client.get("/accounts/login/"))

    def test_a_call_of_the_api_leaves_no_such_message(self, client, ann):
        sign_in_idle(client, ann, idle=1801)

        client.get("/api/me")

        assert "You were signed out" not in read(client.get("/accounts/login/"))

    def test_are_the_same_for_staff_who_must_enrol_first(self, client, db):
        sign_in_idle(client, make_person(is_staff=True))

        assert client.get(ADDRESS).json()["left"] > 1790
