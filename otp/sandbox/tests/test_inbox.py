import re

import pytest
import requests
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from otp.sandbox.mail import InboxBackend
from otp.sandbox.models import Message
from otp.sandbox.tests.support import OTHER_PHONE, PHONE

PAGE = "/sandbox/"
JSON = "/sandbox/messages.json"
BAD_NAME = '<svg onload="x">&'


@pytest.fixture
def messages_of(client, db):
    return lambda **query: client.get(JSON, query).json()["messages"]


class TestMessagesJson:
    def test_gives_what_a_phone_received_newest_first(self, service, messages_of):
        service.verifications.create(to=PHONE, channel="sms")
        last = service.verifications.create(to=PHONE, channel="call")
        service.verifications.create(to=OTHER_PHONE, channel="sms")

        newest, oldest = messages_of(to=PHONE)

        assert {"to", "channel", "code", "body", "sent_at", "verification_sid"} <= newest.keys()
        assert (newest["channel"], oldest["channel"]) == ("call", "sms")
        assert (newest["to"], newest["verification_sid"]) == (PHONE, last.sid)
        assert newest["code"] == oldest["code"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", newest["sent_at"])
        assert len(messages_of()) == 3

    @pytest.mark.parametrize(
        "query", [f"to={PHONE}", "to=%2B12025550123", "to=12025550123", f"to={OTHER_PHONE}&to={PHONE}"]
    )
    def test_finds_a_number_however_its_plus_sign_arrives(self, client, service, query):
        service.verifications.create(to=PHONE, channel="sms")

        assert len(client.get(f"{JSON}?{query}").json()["messages"]) == 1

    def test_finds_an_address_in_any_case_and_nothing_by_half(self, service, messages_of):
        service.verifications.create(to="Alice@example.com", channel="email")

        assert len(messages_of(to="alice@EXAMPLE.com")) == 1
        assert messages_of(to="alice") == []
        assert messages_of(to="a\x00b") == []

    def test_gives_the_newest_two_hundred(self, messages_of):
        backend = InboxBackend()
        backend.send_messages([EmailMultiAlternatives(str(number), "", to=["a@example.com"]) for number in range(205)])

        found = messages_of()

        assert len(found) == 200
        assert found[0]["subject"] == "204"


class TestRequestsJson:
    def test_says_what_was_sent_and_answered_without_credentials(self, client, service):
        service.verifications.create(to=PHONE, channel="sms")

        answer = client.get("/sandbox/requests.json", {"path": "/Verifications"})

        (request,) = answer.json()["requests"]
        assert (request["method"], request["status"]) == ("POST", 201)
        assert request["params"] == {"To": PHONE, "Channel": "sms"}
        assert settings.TWILIO_AUTH_TOKEN not in answer.content.decode()

    def test_keeps_calls_that_were_never_answered(self, client, service, set_control):
        set_control(fault="reset_connection")
        with pytest.raises(requests.exceptions.ConnectionError):
            service.verifications.create(to=PHONE, channel="sms")

        (request,) = client.get("/sandbox/requests.json").json()["requests"]

        assert (request["status"], request["fault"]) == (None, "reset_connection")


class TestInboxBackend:
    def test_keeps_one_message_for_each_recipient(self, messages_of):
        mail = EmailMultiAlternatives("Subject", "Body", to=["a@example.com"], cc=["Bob <b@example.com>"])
        mail.attach_alternative("<p>Body</p>", "text/html")

        assert InboxBackend().send_messages([mail]) == 1

        (message,) = messages_of(to="b@example.com")
        assert message["to"] == "b@example.com"
        assert (message["channel"], message["subject"], message["body"]) == ("email", "Subject", "Body")
        assert (message["code"], message["verification_sid"]) == (None, None)


class TestInbox:
    def test_shows_messages_state_and_credentials_to_anybody(self, client, service, set_control, newest_code):
        service.verifications.create(to=PHONE, channel="sms")
        set_control(fault="long_ttl", latency_ms=2)

        answer = client.get(PAGE)
        page = answer.content.decode()

        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        assert "<title>Sandbox inbox</title>" in page
        assert f"<output>{newest_code()}</output>" in page
        for shown in ("long_ttl", "2 ms", PHONE, "http://testserver/sandbox/twilio"):
            assert shown in page
        for value in (settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_VERIFY_SERVICE_SID):
            assert value in page

    def test_escapes_what_a_message_says(self, client, service, psd2_service):
        service.verifications.create(to=PHONE, channel="sms", custom_friendly_name=BAD_NAME)
        psd2_service.verifications.create(to=PHONE, channel="sms", amount="<b>1", payee=BAD_NAME)

        page = client.get(PAGE, {"to": PHONE}).content.decode()

        assert page.count("&lt;svg onload=&quot;x&quot;&gt;&amp;") == 2
        assert "<svg" not in page
        assert "<b>" not in page

    def test_escapes_the_filter(self, client, db):
        page = client.get(PAGE, {"to": '"><svg onload=x>'}).content.decode()

        assert "<svg" not in page

    def test_filters_by_destination(self, client, service):
        service.verifications.create(to=PHONE, channel="sms")

        assert "No messages for" in client.get(f"{PAGE}?to={OTHER_PHONE}").content.decode()
        assert client.get(f"{PAGE}?to={PHONE}").content.decode().count("<article") == 1

    @pytest.mark.parametrize(("page", "count"), [("1", 50), ("2", 10), ("99", 10), ("x", 50)])
    def test_shows_fifty_on_a_page(self, client, page, count, db):
        mails = [EmailMultiAlternatives(str(number), "", to=["a@example.com"]) for number in range(60)]
        InboxBackend().send_messages(mails)

        assert client.get(PAGE, {"page": page}).content.decode().count("<article") == count

    def test_needs_no_inline_script_or_style(self, client, service):
        service.verifications.create(to=PHONE, channel="sms")

        page = client.get(PAGE).content.decode()

        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", page)
        assert '<html lang="en">' in page
        assert page.count("<h1>") == 1

    def test_takes_no_writes(self, client, db):
        assert client.post(PAGE).status_code == 405
        assert not Message.objects.exists()
