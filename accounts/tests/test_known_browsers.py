"""“Don’t ask for a code in this browser”: one random cookie, for one person, for thirty days, at sign-in alone."""

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, User
from accounts.tests.people import PASSWORD, make_person, show_totp_code, with_phone, with_totp
from accounts.tests.steps import LOGIN_CODE, SECURITY, call, give_code, give_password, give_proof, is_signed_in, read
from otp.client import Client as Caller
from otp.tests.parallel import run_copies

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SES-09")]


def trust(client, user, *, step=-1):
    """Sign in with the app, and have the browser remembered."""
    give_password(client, user.email)
    answer = give_code(client, show_totp_code(user, step=step), "totp", trust_browser="on")
    client.post("/accounts/logout/")
    return answer


@pytest.mark.parametrize("face", ["page", "api"])
def test_the_next_sign_in_asks_for_the_password_alone(face, client, ann):
    with_totp(ann)
    if face == "page":
        trust(client, ann)
    else:
        call(client, "login", email=ann.email, password=PASSWORD)
        call(client, "login/verify", code=show_totp_code(ann), method="totp", trust_browser=True)
        call(client, "logout")

    assert call(client, "login", email=ann.email, password=PASSWORD).json() == {"status": "authenticated"}
    assert [entry["method"] for entry in client.session["signed_in"]["methods"]] == ["password", "trusted_browser"]
    # It has not proven anybody.
    assert not client.get(SECURITY).wsgi_request.user.is_verified()
    assert give_password(Client())["Location"] == LOGIN_CODE


@pytest.mark.parametrize("face", ["page", "api"])
def test_a_browser_is_known_whichever_way_it_signed_in(face, client, ann, django_capture_on_commit_callbacks):
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            if face == "page":
                give_password(client)
            else:
                call(client, "login", email=ann.email, password=PASSWORD)

    assert KnownBrowser.objects.count() == 1
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_row(ann):
    run_copies(8, lambda _: KnownBrowser.note(ann, "cookie", Caller("198.51.100.7", "Firefox")))

    assert KnownBrowser.objects.count() == 1


def test_the_cookie_is_random_and_the_row_a_keyed_hash(client, ann):
    with_totp(ann)
    trust(client, ann)
    other = Client()
    trust(other, ann, step=0)

    values = {client.cookies["browser"].value, other.cookies["browser"].value}
    assert len(values) == 2
    assert all(len(value) == 22 for value in values)
    stored = str(list(KnownBrowser.objects.values()))
    assert not any(value in stored for value in values)


def test_for_thirty_days(client, ann):
    with_totp(ann)
    trust(client, ann)

    for days, location in ((29.9, "/"), (30.1, LOGIN_CODE)):
        with time_machine.travel(timezone.now() + timezone.timedelta(days=days)):
            assert give_password(client)["Location"] == location


def test_carried_to_another_account_it_is_nothing(client, ann):
    bob = with_totp(make_person("bob@example.com", "+12025550177"))
    with_totp(ann)
    trust(client, ann)

    assert give_password(client, bob.email)["Location"] == LOGIN_CODE


@pytest.mark.parametrize("value", ["", "x", "x" * 22, "é" * 22, "x" * 5000])
def test_a_made_up_one_is_nothing(value, client, ann):
    with_totp(ann)
    trust(client, ann)
    client.cookies["browser"] = value

    assert give_password(client)["Location"] == LOGIN_CODE


def test_is_offered_to_staff_nowhere(client, ann):
    with_totp(ann, is_staff=True)
    give_password(client)
    assert "trust_browser" not in read(client.get(LOGIN_CODE))
    give_code(client, show_totp_code(ann, step=-1), "totp", trust_browser="on")
    client.post("/accounts/logout/")

    assert give_password(client)["Location"] == LOGIN_CODE


def test_ends_for_who_becomes_staff(client, ann):
    with_totp(ann)
    trust(client, ann)
    User.objects.update(is_staff=True)

    assert give_password(client)["Location"] == LOGIN_CODE


def test_does_not_let_in_without_the_password(client, ann):
    with_totp(ann)
    trust(client, ann)

    assert give_password(client, password="wrong").status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("change", ["password", "factor", "phone"])
def test_what_the_trust_rested_on_ends_it(change, client, ann, read_code):
    """By the flows themselves, in another browser."""
    with_phone(with_totp(ann))
    trust(client, ann)
    owner = Client()
    give_password(owner)
    give_code(owner, show_totp_code(ann), "totp")
    step = {"password": "password", "factor": "factors", "phone": "phone_change"}[change]
    give_proof(owner, step, show_totp_code(ann, step=1), "totp")
    if change == "password":
        owner.post("/accounts/security/password/", {"password": PASSWORD, "new_password": PASSWORD + "!"})
    elif change == "factor":
        owner.post(f"/accounts/security/otp/{ann.phonedevice_set.get().pk}/remove/")
    else:
        owner.post("/accounts/phone-change/", {"phone": "+12025550188"})
        owner.post("/accounts/phone-change/code/", {"code": read_code("+12025550188")})

    password = PASSWORD + "!" if change == "password" else PASSWORD
    assert give_password(client, password=password)["Location"] == LOGIN_CODE


def test_signed_values_of_one_kind_are_none_of_another():
    assert getattr(django_settings, "SIGNED_COOKIE_LEGACY_SALT_FALLBACK", False) is False
