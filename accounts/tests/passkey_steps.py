"""The steps of using passkeys over the API, as a page takes them."""

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.people import PASSWORD, sign_in

ADDRESS = "ann@example.com"


def call(client, path, verb="post", /, **body):
    return getattr(client, verb)(f"/api/{path}", body, format="json")


def start_sign_in(client, email=ADDRESS):
    answer = call(client, "login", email=email, password=PASSWORD)
    assert answer.json()["status"] == "second_factor_required", answer.json()
    return answer.json()


def ask(client):
    answer = call(client, "login/passkey/options")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def give(client, credential):
    return call(client, "login/verify", method="passkey", credential=credential)


def is_signed_in(client):
    return call(client, "session", "get").json()["authenticated"]


def make_fresh(client, user):
    """Sign somebody in who has just proven themself for changing how they sign in."""
    sign_in(client, user)
    session = client.session
    session["fresh_proofs"] = {"factors": int(timezone.now().timestamp())}
    session.save()
    return client


def copy_browser(browser, kind=APIClient):
    """Give another client with the same cookies: one for each thread."""
    copy = kind()
    for name, morsel in browser.cookies.items():
        copy.cookies[name] = morsel.value
    return copy


def prove(client, authenticator, step):
    options = call(client, "step-up/passkey/options", step=step).json()
    return call(client, "step-up/verify", method="passkey", step=step, credential=authenticator.sign(options))
