"""The steps of signing in and of confirming, as a browser takes them."""

from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from accounts.tests.people import PASSWORD

LOGIN, LOGIN_CODE, LOGIN_RESEND = "/accounts/login/", "/accounts/login/code/", "/accounts/login/code/resend/"
SECURITY, CONFIRM, CONFIRM_SEND = "/accounts/security/", "/accounts/confirm/", "/accounts/confirm/send/"
SWITCH = "/accounts/security/two-factor/switch/"


def give_password(client: Client, email: str = "ann@example.com", **fields: Any) -> Any:
    """Take the first step of signing in."""
    return client.post(LOGIN, {"email": email, "password": PASSWORD, **fields})


def give_code(client: Client, code: str, method: str = "otp", **fields: Any) -> Any:
    """Take the second step of signing in."""
    return client.post(LOGIN_CODE, {"code": code, "method": method, **fields})


def ask_for_proof(client: Client, step: str, **fields: Any) -> Any:
    """Have a code sent that proves the person for one step."""
    return client.post(f"{CONFIRM_SEND}?{urlencode({'for': step})}", fields)


def give_proof(client: Client, step: str, code: str, method: str = "otp", **fields: Any) -> Any:
    """Prove the person for one step."""
    return client.post(CONFIRM, {"for": step, "code": code, "method": method, **fields})


def wrong(code: str) -> str:
    """Give another code of the same shape."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/api/session").json()["authenticated"])


def call(client: Client, path: str, **body: Any) -> Any:
    """Call the JSON API."""
    return client.post(f"/api/{path}", body, content_type="application/json")


def read(answer: Any) -> str:
    """Give a page as a person reads it."""
    return unescape(answer.content.decode())
