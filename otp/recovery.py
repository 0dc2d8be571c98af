"""What a reset by phone must ask of whoever keeps the people: the module that `OTP_RECOVERY` names, or nothing.

`otp` knows nothing of second factors. A project that has some names a module with the functions of `Recovery`.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from otp.client import Client
from otp.models import Verification


@dataclass(frozen=True)
class SecondProof:
    """What proved a person beside the phone. `verification`, if there is one, is redeemed with the reset."""

    method: str = ""  # '' where none was needed
    verification: Verification | None = None


class Recovery(Protocol):
    """The functions of the module."""

    def check(self, user: Any, proofs: dict[str, str], *, client: Client) -> SecondProof:
        """Check the second proof of an account that needs one. Called outside of a transaction.

        :raises SecondProofRequired: it needs one, and `proofs` has none
        :raises OtpError: the one given is no good
        """

    def settle(self, user: Any, second: SecondProof, *, client: Client) -> None:
        """Do what follows from a reset, inside its transaction."""


class NoSecondProof:
    """For projects whose accounts have nothing but a phone."""

    def check(self, user: Any, proofs: dict[str, str], *, client: Client) -> SecondProof:
        return SecondProof()

    def settle(self, user: Any, second: SecondProof, *, client: Client) -> None:
        """Nothing more follows."""


def get_recovery() -> Recovery:
    """Give the module that `OTP_RECOVERY` names."""
    return cast("Recovery", import_module(settings.OTP_RECOVERY)) if settings.OTP_RECOVERY else NoSecondProof()
