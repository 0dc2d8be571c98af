"""What confirms a payment beside a code to the phone: the module that `OTP_PAYERS` names, or nothing.

`otp` knows nothing of sessions and factors. A project that has some names a module with the functions of `Payers`.
"""

from importlib import import_module
from typing import Protocol, cast

from django.conf import settings
from django.http import HttpRequest

from otp.client import Client
from otp.exceptions import PaymentNotApproved, PaymentNotConfirmed
from otp.models import TransactionApproval

PHONE = "otp"  # the method of a code that Twilio sends; the others are the module's own


class Payers(Protocol):
    """The functions of the module."""

    def list_methods(self, request: HttpRequest) -> list[str]:
        """List by what whoever is signed in may confirm a payment now, the one to offer first in front; at least one.

        :raises OtpError: by nothing, or this session is not proven well enough to begin
        """

    def check(self, approval: TransactionApproval, method: str, code: str, *, client: Client) -> None:
        """Check a code, or what signed the approval's `challenge`, of a factor other than the phone.

        Called outside of a transaction, with a method that `list_methods` gave.

        :raises IncorrectCode: it is wrong
        :raises OtpError: it cannot be checked now; nothing was compared
        """


class PhoneAlone:
    """For projects whose accounts have nothing but a phone."""

    def list_methods(self, request: HttpRequest) -> list[str]:
        if not getattr(request.user, "phone_verified_at", None):
            raise PaymentNotApproved
        return [PHONE]

    def check(self, approval: TransactionApproval, method: str, code: str, *, client: Client) -> None:
        raise PaymentNotConfirmed


def get_payers() -> Payers:
    """Give the module that `OTP_PAYERS` names."""
    return cast("Payers", import_module(settings.OTP_PAYERS)) if settings.OTP_PAYERS else PhoneAlone()
