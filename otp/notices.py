"""Telling a phone what was done with its owner's account: one short text message, no code, no link. Public.

Verify sends codes and nothing else, so these go through Twilio's Programmable Messaging. Call `send_notice` through
`otp.background.run_after_answer`: a notice that cannot go out must not stand in the way of what it is about.
"""

import re

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from otp import audit, limits
from otp.client import Client
from otp.destinations import Destination, parse_phone, raise_if_refused
from otp.exceptions import NotConfigured, OtpError, ProviderUnavailable
from otp.models import VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.prices import get_price
from otp.purposes import Channel
from otp.text_messages import fit_text
from otp.transactions import raise_if_in_transaction
from otp.verify_api.messages import twilio_messages

# Phones offer four digits in a row as a code, and strangers ask for what a message says.
LOOKS_LIKE_A_CODE = re.compile(r"[0-9]{4}")
LOOKS_LIKE_A_LINK = re.compile(r"://|\bwww\.|\b[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)


def has_sender() -> bool:
    """Tell whether notices can go out at all; without a sender people are told by e-mail alone."""
    return bool(settings.TWILIO_MESSAGING_SERVICE_SID or settings.TWILIO_NOTICE_FROM)


@sensitive_variables("to", "text")
def send_notice(to: str, text: str, *, client: Client, user_id: int | None = None) -> None:
    """Send one text message to a phone number (E.164). Leaves one attempt of the kind `notice`, whatever happens.

    `text` is folded to plain letters and cut to one message: see `fit_text`. Counts against the whole site's sends and
    the budget, but against no limit of a person or network: whoever takes an account over must not be able to use up
    the message that tells its owner.

    :raises ValueError: for a text with a link, or with four digits in a row, as a code has
    :raises NotConfigured: with neither TWILIO_MESSAGING_SERVICE_SID nor TWILIO_NOTICE_FROM, or a wrong one
    :raises InvalidDestination: when `to` is no phone number
    :raises ChannelUnavailable, DestinationBlocked, CountryNotAllowed: by `raise_if_refused`
    :raises TooManyRequests: over the site's limit or the budget
    :raises LimitsUnavailable: when limits cannot be counted
    :raises OtpError: what Twilio made of it
    """
    raise_if_in_transaction()
    body = fit_text(text)
    if LOOKS_LIKE_A_CODE.search(body) or LOOKS_LIKE_A_LINK.search(body):
        # SECURITY: without the text, which may speak of a person.
        raise ValueError("A notice holds no code and no link: people learn to trust neither in a text message.")
    destination, taken, attempt = _open(to, client, user_id)
    try:
        with audit.settle_failure(attempt):
            twilio_messages.send_message(destination.address, body)
    except OtpError as error:
        if not (isinstance(error, ProviderUnavailable) and error.was_sent):
            limits.give_back(taken)
        raise
    audit.settle(attempt, Outcome.OK, cost=get_price(Channel.SMS, destination.country))


def _open(to: str, client: Client, user_id: int | None) -> tuple[Destination, limits.Taken, VerificationAttempt]:
    """Count a notice and write its row as `crashed`; a refusal is written too, as the one row of that notice."""
    destination = None
    try:
        destination = parse_phone(to)
        if not has_sender():
            raise _lack_sender()
        raise_if_refused(destination, Channel.SMS)
        taken = limits.take_notice(destination, client)
    except OtpError as error:
        audit.record_refusal(error, Kind.NOTICE, client, channel=Channel.SMS, destination=destination, user_id=user_id)
        raise
    attempt = audit.open_attempt(Kind.NOTICE, client, channel=Channel.SMS, destination=destination, user_id=user_id)
    return destination, taken, attempt


def _lack_sender() -> NotConfigured:
    error = NotConfigured()
    error.reason = "no_sender"
    return error
