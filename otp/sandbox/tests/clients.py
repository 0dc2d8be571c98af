"""Twilio's own Python client, pointed at the sandbox in-process or over HTTP."""

from django.conf import settings
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from otp.sandbox.transport import SandboxAdapter

VERIFY_URL = "https://verify.twilio.com"
API_URL = "https://api.twilio.com"


class InProcessClient(TwilioHttpClient):
    """The SDK's client with the sandbox behind its session."""

    def __init__(self, timeout=5.0):
        super().__init__(timeout=timeout)
        self.session.mount(VERIFY_URL, SandboxAdapter())
        self.session.mount(API_URL, SandboxAdapter())


class RedirectedClient(TwilioHttpClient):
    """The SDK's client with another host in every address, also in those of the pages."""

    def __init__(self, base_url, timeout=5.0):
        super().__init__(timeout=timeout)
        self.session.trust_env = False
        self.base_url = base_url

    def request(self, method, url, *args, **kwargs):
        return super().request(method, url.replace(VERIFY_URL, self.base_url), *args, **kwargs)


def connect(http_client):
    return Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http_client).verify.v2
