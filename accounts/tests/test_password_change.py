"""Changing the password, signed in."""

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser
from accounts.tests.people import PASSWORD, make_person, show_totp_code, sign_in, with_phone, with_totp_device
from accounts.tests.steps import LOGIN, SECURITY, give_code, give_password, give_proof, is_signed_in, read

pytestmark = pytest.mark.django_db
PAGE = "/accounts/security/password/"
NEW = "another-good-one"


@pytest.fixture
def signed_in(client, ann):
    sign_in(client, ann, device=with_totp_device(ann))
    give_proof(client, "password", show_totp_code(ann, step=-1), "totp")
    return client


def change(client, **fields):
    return client.post(PAGE, {"password": PASSWORD, "new_password": NEW, **fields})


@pytest.mark.requirement("REC-03", "OTP-11", "SES-01", "SES-09", "MFA-07")
def test_ends_everything_but_this_session_and_tells_the_person(
    signed_in, ann, read_code, django_capture_on_commit_callbacks
):
    others = [sign_in(Client(), ann) for _ in range(2)]
    pending = Client()
    with_phone(ann, preferred_channel="sms")
    give_password(pending)
    code = read_code()
    KnownBrowser.objects.create(user=ann, key="-", trusted_until=timezone.now() + timezone.timedelta(1))
    key = signed_in.session.session_key

    with django_capture_on_commit_callbacks(execute=True):
        assert change(signed_in)["Location"] == SECURITY

    ann.refresh_from_db()
    assert ann.check_password(NEW)
    page = signed_in.get(SECURITY)
    assert page.wsgi_request.user.is_verified()
    assert signed_in.session.session_key != key
    assert not any(is_signed_in(other) for other in others)
    assert give_code(pending, code)["Location"] == LOGIN
    assert not KnownBrowser.objects.exclude(trusted_until=None).exists()
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([ann.email], "The password of your SmartFin account was changed")
    ]
    assert NEW not in mail.outbox[0].body
    # The proofs of before are no proofs any more.
    assert "fresh_proofs" not in signed_in.session


@pytest.mark.requirement("REC-07")
def test_the_old_password_alone_does_not_do(client, ann):
    sign_in(client, ann, device=with_totp_device(ann))

    assert change(client)["Location"].startswith("/accounts/confirm/?for=password")

    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"password": "wrong"}, "That isn’t your current password."),
        ({"new_password": "password"}, "This password is too common."),
        ({"new_password": "12025550123"}, "too similar to the phone number"),
        ({"new_password": ""}, "Enter a password."),
        ({"password": ""}, "Enter your current password."),
    ],
)
def test_says_what_is_wrong_and_changes_nothing(fields, sentence, signed_in, ann):
    other = sign_in(Client(), ann)

    page = read(change(signed_in, **fields))

    assert sentence in page
    assert NEW not in page
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)
    assert is_signed_in(other)


@pytest.mark.requirement("THR-09")
def test_wrong_old_ones_count_with_those_at_the_door(signed_in, ann, settings):
    settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
    for _ in range(2):
        change(signed_in, password="wrong")

    assert change(signed_in).status_code == 429
    assert give_password(Client()).status_code == 429


@pytest.mark.requirement("OTP-05")
def test_changes_nobody_else_s(signed_in, ann):
    bob = make_person("bob@example.com", "+12025550177")

    change(signed_in, email=bob.email, user_id=bob.pk, id=bob.pk)

    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)
