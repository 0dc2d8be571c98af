"""What strangers send stays text in the admin site."""

from collections import Counter
from html.parser import HTMLParser

import pytest

from otp.models import Verification, VerificationAttempt
from otp.tests.audit_pages import FIND, LIST, NUMBER, VERIFICATIONS
from otp.tests.records import make_attempt, make_verification

pytestmark = pytest.mark.django_db
CORPUS = [
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)//",
    "{{ 7*7 }}{% load static %}",
    "</textarea><img src=x onerror=alert(1)>",
    "=cmd|'/c calc'!A0",
]


@pytest.fixture
def verification():
    return make_verification(NUMBER)


class Elements(HTMLParser):
    """What a browser would make elements of, counted, and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = Counter(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += attrs

    def find_handlers(self):
        return [
            (name, value)
            for name, value in self.attributes
            if name.startswith("on") or (value or "").startswith("javascript:")
        ]


@pytest.mark.requirement("AUD-04")
class TestInert:
    def read(self, client, addresses):
        return [Elements(client.get(address).content.decode()) for address in addresses]

    @pytest.mark.parametrize("text", CORPUS)
    def test_what_strangers_send_stays_text(self, text, verification, admin_client):
        attempt = make_attempt(verification=verification, user_agent="x", reason="x")
        changes = f"{LIST}{attempt.pk}/change/", f"{VERIFICATIONS}{verification.pk}/change/"
        addresses = LIST, VERIFICATIONS, *changes
        clean = self.read(admin_client, addresses)

        Verification.objects.filter(pk=verification.pk).update(destination_masked=text, prefix=text[:12])
        VerificationAttempt.objects.update(user_agent=text, destination_masked=text, reason=text[:40], country=text[:2])

        for address, before, after in zip(addresses, clean, self.read(admin_client, addresses), strict=True):
            assert after.tags == before.tags, address
            assert after.find_handlers() == [], address

    @pytest.mark.parametrize("text", CORPUS)
    def test_what_is_typed_into_filters_and_search_stays_text(self, text, admin_client):
        for query in ({"country": text}, {"day": text}, {"user": text}, {"to": text}, {"q": text}):
            page = Elements(admin_client.get(LIST, query, follow=True).content.decode())
            assert page.find_handlers() == [], query
        answer = admin_client.post(FIND, {"what": "address", "text": text}, follow=True)
        assert text not in answer.content.decode()
