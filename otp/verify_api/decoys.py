"""Asking Twilio about nothing, so that what concerns nobody takes as long as what concerns somebody."""

import secrets


def make_decoy_sid() -> str:
    """Make a verification SID that nobody has: Twilio takes its time over it and finds nothing."""
    return f"VE{secrets.token_hex(16)}"
