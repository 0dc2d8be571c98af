"""Clients of the sandbox and what they act on."""

import pytest
import requests
import time_machine
from django.conf import settings

from otp.sandbox.control import change_state
from otp.sandbox.models import Message
from otp.sandbox.tests.clients import API_URL, VERIFY_URL, InProcessClient, RedirectedClient, connect
from otp.sandbox.transport import SandboxAdapter


@pytest.fixture(autouse=True)
def prices(settings):
    settings.OTP_PRICES = {"sms": "0.05", "sms:GB": "0.04", "whatsapp": "0.005", "call": "0.06", "email": "0.01"}
    settings.OTP_CURRENCY = "USD"
    settings.OTP_SANDBOX_NUMBERS = ["+1234567890"]


@pytest.fixture
def verify(db):
    http_client = InProcessClient()
    yield connect(http_client)
    http_client.session.close()


@pytest.fixture
def service(verify):
    return verify.services(settings.TWILIO_VERIFY_SERVICE_SID)


@pytest.fixture
def psd2_service(verify):
    return verify.services(settings.TWILIO_PSD2_SERVICE_SID)


@pytest.fixture
def remote_url(live_server):
    return f"{live_server.url}/sandbox/twilio"


@pytest.fixture
def remote_verify(remote_url):
    http_client = RedirectedClient(remote_url)
    yield connect(http_client)
    http_client.session.close()


@pytest.fixture
def remote_service(remote_verify):
    return remote_verify.services(settings.TWILIO_VERIFY_SERVICE_SID)


@pytest.fixture
def plain_session():
    """A client that knows nothing of Twilio."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
        session.mount(VERIFY_URL, SandboxAdapter())
        session.mount(API_URL, SandboxAdapter())
        yield session


@pytest.fixture
def still_clock():
    """Time moves only where `/sandbox/control` moves it, so that the last second of a span can be met."""
    with time_machine.travel("2026-11-22T12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def set_control(db):
    return lambda **change: change_state(change)


@pytest.fixture
def newest_code(db):
    return lambda: Message.objects.exclude(code="").latest("pk").code
