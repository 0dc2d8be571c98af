"""Twilio's Programmable Messaging, through the official SDK: messages without a code. Called by notices alone."""

import re

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from otp.exceptions import ProviderUnavailable
from otp.verify_api.errors import MESSAGE_ERRORS
from otp.verify_api.service import TwilioVerifyService

MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}\Z")


class TwilioMessages(TwilioVerifyService):
    """Sends text messages over the same way out, with a breaker of its own: an outage here must not stop codes."""

    api = "messages"

    @sensitive_variables("to", "text")
    def send_message(self, to: str, text: str) -> str:
        """Have Twilio send a text message; returns its SID (`SM…`).

        From TWILIO_MESSAGING_SERVICE_SID where that is set, otherwise from TWILIO_NOTICE_FROM.

        :raises OtpError: whatever `MESSAGE_ERRORS` says, with `provider_code` on it
        """
        sender = (
            {"messaging_service_sid": settings.TWILIO_MESSAGING_SERVICE_SID}
            if settings.TWILIO_MESSAGING_SERVICE_SID
            else {"from_": settings.TWILIO_NOTICE_FROM}
        )
        with self._build_lock:  # the SDK fills its lazy attributes without one
            messages = self.client.messages
        answer = self._call(lambda: messages.create(to=to, body=text, **sender), MESSAGE_ERRORS)
        if not (isinstance(answer.sid, str) and MESSAGE_SID.match(answer.sid)):
            raise ProviderUnavailable
        return answer.sid


twilio_messages = TwilioMessages()
