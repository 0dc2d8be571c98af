import re

import pytest
from django.conf import settings
from twilio.rest import Client

from otp.sandbox.models import Message
from otp.sandbox.tests.clients import InProcessClient
from otp.sandbox.tests.support import PHONE, refused

SERVICE = "MG" + "0" * 32
MESSAGE = {
    *("account_sid", "api_version", "body", "date_created", "date_sent", "date_updated", "direction", "error_code"),
    *("error_message", "from", "messaging_service_sid", "num_media", "num_segments", "price", "price_unit", "sid"),
    *("status", "subresource_uris", "to", "uri"),
}


@pytest.fixture
def messages(db):
    http_client = InProcessClient()
    yield Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http_client).messages
    http_client.session.close()


@pytest.fixture
def url():
    return f"https://api.twilio.com/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages.json"


class TestMessages:
    def test_twilios_own_client_sends_one_over_http(self, live_server, transactional_db):
        client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
        client.api.base_url = f"{live_server.url}/sandbox/twilio"
        client.http_client.session.trust_env = False

        message = client.messages.create(to=PHONE, messaging_service_sid=SERVICE, body="Your number was changed.")
        client.http_client.session.close()

        assert re.fullmatch("SM[0-9a-f]{32}", message.sid)
        assert (message.status, message.to, message.error_code) == ("accepted", PHONE, None)
        assert message.date_created.year >= 2026
        assert Message.objects.get().body == "Your number was changed."

    def test_one_from_a_number_is_queued_and_cut(self, messages):
        message = messages.create(to=PHONE, from_="+12025550100", body="é" * 161)

        assert (message.status, message.num_segments, message.from_) == ("queued", "2", "+12025550100")

    def test_a_message_has_exactly_twilios_keys(self, plain_session, url, db):
        answer = plain_session.post(url, data={"To": PHONE, "From": "SmartFin", "Body": "Hello"})

        assert answer.status_code == 201
        made = answer.json()
        assert set(made) == MESSAGE
        assert made["uri"] == f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages/{made['sid']}.json"
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", made["date_created"])

    def test_shows_in_the_inbox_beside_codes(self, messages, service, client, newest_code):
        service.verifications.create(to=PHONE, channel="sms")
        messages.create(to=PHONE, messaging_service_sid=SERVICE, body="<b>Your number</b> was changed.")

        notice, code = client.get("/sandbox/messages.json", {"to": PHONE}).json()["messages"]
        page = client.get("/sandbox/").content.decode()

        assert notice.keys() == code.keys()
        assert (notice["code"], code["code"]) == (None, newest_code())
        assert "&lt;b&gt;Your number" in page
        assert page.count("<output>") == 1
        assert settings.TWILIO_MESSAGING_SERVICE_SID in page

    @pytest.mark.parametrize(
        ("form", "code"),
        [
            ({"to": ""}, 21604),
            ({"to": "12025550123"}, 21211),
            ({"to": "+19995551234"}, 21211),
            ({"body": ""}, 21602),
            ({"body": "a" * 1601}, 21617),
            ({"messaging_service_sid": ""}, 21603),
            ({"messaging_service_sid": "VA" + "0" * 32}, 21705),
            ({"messaging_service_sid": "", "from_": "SmartFin Bank AG"}, 21212),
        ],
    )
    def test_refuses_as_twilio_does(self, messages, form, code):
        form = {"to": PHONE, "messaging_service_sid": SERVICE, "body": "Hello", **form}

        assert refused(messages.create, **form) == (400, code)
        assert not Message.objects.exists()

    @pytest.mark.parametrize(
        ("to", "expected"),
        [("+12165550110", (400, 21610)), ("+12045550129", (429, 20429)), ("+12055550103", (503, 20503))],
    )
    def test_knows_the_magic_numbers_of_text_messages(self, messages, to, expected):
        assert refused(messages.create, to=to, messaging_service_sid=SERVICE, body="Hello") == expected

    def test_leaves_those_of_verify_alone(self, messages):
        messages.create(to="+16045550110", messaging_service_sid=SERVICE, body="Hello")

        assert Message.objects.get().to == "+16045550110"

    def test_knows_its_own_account_alone(self, plain_session, url, db):
        stranger = url.replace(settings.TWILIO_ACCOUNT_SID, "AC" + "9" * 32)
        form = {"To": PHONE, "From": "SmartFin", "Body": "Hello"}

        assert plain_session.post(stranger, data=form).json()["code"] == 20404
        assert plain_session.get(url).status_code == 405
        plain_session.auth = (settings.TWILIO_ACCOUNT_SID, "wrong")
        assert plain_session.post(url, data=form).json()["code"] == 20003

    def test_obeys_faults(self, messages, set_control):
        set_control(fault="http_503")

        assert refused(messages.create, to=PHONE, messaging_service_sid=SERVICE, body="Hello") == (503, 20503)
