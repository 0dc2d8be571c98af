"""The session engine: a key that changed or was ended opens nothing, whichever request saves last."""

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.test import Client

from accounts.models import UserSession
from accounts.sessions import SessionStore
from accounts.tests.people import sign_in, with_totp
from accounts.tests.steps import give_password, is_signed_in
from otp.tests.parallel import run_copies

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SES-01")]


@pytest.fixture
def key(client, ann):
    """The key of a session that Ann is signed in to."""
    return sign_in(client, ann).session.session_key


def read(key):
    """Read a session as a request of its own does."""
    session = SessionStore(key)
    session.keys()
    return session


class TestStartOver:
    def test_takes_the_row_over_and_leaves_nothing_of_the_old_session(self, key, django_assert_num_queries):
        session = read(key)
        session.start_over()
        session["mine"] = "new"

        with django_assert_num_queries(1):
            session.save()

        row = UserSession.objects.get()
        assert row.pk == session.session_key != key
        assert row.get_decoded() == {"mine": "new"}
        assert (row.user, row.signed_in_at, row.client_address, row.user_agent) == (None, None, None, "")

    def test_of_one_that_was_ended_meanwhile_is_a_new_one(self, key):
        session = read(key)
        UserSession.objects.all().delete()
        session.start_over()
        session["mine"] = "new"

        session.save()

        assert UserSession.objects.get().pk == session.session_key != key

    def test_leaves_a_request_that_is_still_at_the_old_one_nothing_to_save_to(self, key):
        slow = read(key)
        session = read(key)
        session.start_over()
        session["mine"] = "new"
        session.save()

        slow["late"] = True
        with pytest.raises(UpdateError):
            slow.save()

        assert UserSession.objects.get().get_decoded() == {"mine": "new"}

    @pytest.mark.requirement("SES-03", "SES-07")
    def test_by_a_right_password_takes_the_session_off_the_list_of_who_was_signed_in(self, client, key, ann):
        with_totp(ann)

        give_password(client)

        assert UserSession.objects.get().user is None
        thief = Client()
        thief.cookies["sessionid"] = key
        assert not is_signed_in(thief)


class TestCycleKey:
    def test_is_done_at_once_and_keeps_what_is_in_it(self, key, ann, django_assert_num_queries):
        session = read(key)
        session["mine"] = "kept"

        with django_assert_num_queries(1):
            session.cycle_key()

        assert UserSession.objects.get().pk == session.session_key != key
        session.save()
        assert UserSession.objects.get().get_decoded()["mine"] == "kept"
        assert UserSession.objects.get().user == ann

    @pytest.mark.requirement("SES-07")
    def test_does_not_bring_back_one_that_was_ended_meanwhile(self, key):
        session = read(key)
        UserSession.objects.all().delete()

        with pytest.raises(SessionInterrupted):
            session.cycle_key()

        assert not UserSession.objects.exists()

    @pytest.mark.requirement("SES-08")
    def test_adopts_no_made_up_key(self):
        session = SessionStore("a" * 32)

        session.cycle_key()
        session.save()

        assert UserSession.objects.get().pk == session.session_key != "a" * 32


@pytest.mark.requirement("SES-07")
def test_saving_does_not_bring_back_one_that_was_ended_meanwhile(key):
    session = read(key)
    UserSession.objects.all().delete()
    session["late"] = True

    with pytest.raises(UpdateError):
        session.save()

    assert not UserSession.objects.exists()


def test_what_was_to_be_replaced_ends_with_its_place(key):
    session = read(key)
    session.start_over()

    session.flush()

    assert not UserSession.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_of_eight_that_change_the_key_one_goes_on(self, key):
        sessions = [read(key) for _ in range(8)]

        results = run_copies(8, lambda n: sessions[n].cycle_key())

        assert results.count(None) == 1
        assert sum(isinstance(result, SessionInterrupted) for result in results) == 7
        assert UserSession.objects.get().pk == sessions[results.index(None)].session_key

    def test_of_eight_that_start_over_each_has_a_session_of_its_own(self, key):
        sessions = [read(key) for _ in range(8)]
        for number, session in enumerate(sessions):
            session.start_over()
            session["number"] = number

        assert run_copies(8, lambda n: sessions[n].save()) == [None] * 8

        assert not UserSession.objects.filter(pk=key).exists()
        assert [read(session.session_key)["number"] for session in sessions] == list(range(8))
