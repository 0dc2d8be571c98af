"""Who may call: the pairs that the settings hold, by Basic authentication."""

import base64
import binascii

from django.conf import settings
from django.utils.crypto import constant_time_compare

from otp.sandbox.errors import ApiError


def raise_if_unknown(authorization: str) -> None:
    """Let an account with its token or an API key with its secret pass.

    :raises ApiError: 401/20003 for everybody else.
    """
    scheme, _, encoded = authorization.partition(" ")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        username = password = ""
    if scheme.lower() != "basic" or not _is_known(username, password):
        raise ApiError(20003, headers={"WWW-Authenticate": 'Basic realm="Twilio API"'})


def _is_known(username: str, password: str) -> bool:
    pairs = (
        (settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN),
        (settings.TWILIO_API_KEY, settings.TWILIO_API_SECRET),
    )
    return any(
        bool(name and secret) and constant_time_compare(username, name) and constant_time_compare(password, secret)
        for name, secret in pairs
    )
