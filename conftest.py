"""Fixtures for all tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import setting_changed
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from accounts.tests.people import make_person, sign_in_staff
from otp.limits import reset_volume_counters
from otp.tests.twilio_double import TwilioDouble
from otp.verify_api.attempts import twilio_attempts
from otp.verify_api.messages import twilio_messages
from otp.verify_api.service import twilio_verify
from smartfin import urls

# The addresses are read once, before any test takes the sandbox away.
assert urls.urlpatterns

pytest_plugins = ["otp.tests.browser.fixtures"]


def _rebuild(*, setting: str, **kwargs: Any) -> None:
    if setting.startswith(("TWILIO_", "OTP_")):
        twilio_verify.rebuild()
        twilio_messages.rebuild()
        twilio_attempts.rebuild()


setting_changed.connect(_rebuild)


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    """No test sees what another one counted, nor the breaker it opened."""
    reset_volume_counters()
    twilio_verify.rebuild()
    twilio_messages.rebuild()
    twilio_attempts.rebuild()


@pytest.fixture(autouse=True)
def english() -> None:
    """No test speaks the language that the pages of the one before it were in."""
    translation.activate("en")


@pytest.fixture
def api() -> APIClient:
    """A client of the JSON API that lets exceptions become answers, as a server does."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def admin_user(db: None) -> Any:
    """A superuser with a proven phone, which is also their second factor."""
    return make_person("root@example.com", "+12025550177", is_staff=True, is_superuser=True)


@pytest.fixture
def admin_client(admin_user: Any) -> Client:
    """The superuser's browser, signed in with the second factor."""
    return sign_in_staff(Client(), admin_user)


@pytest.fixture
def post(api: APIClient) -> Callable[..., Any]:
    """Call the API: `post("send-otp", to="+12025550123")`."""

    def call(path: str, **body: Any) -> Any:
        return api.post(f"/api/{path}", body, format="json")

    return call


@pytest.fixture
def twilio(settings: Any) -> Iterator[TwilioDouble]:
    """A stand-in for Twilio on the wire: records each request, answers as told. The real SDK talks to it."""
    with TwilioDouble() as double:
        settings.OTP_SANDBOX = False
        settings.TWILIO_VERIFY_URL = double.url
        yield double
