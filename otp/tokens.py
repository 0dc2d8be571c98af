"""Verification tokens: a proof that can be carried from one call to the next. Signed, ten minutes, one use."""

from uuid import UUID

from django.core import signing

from otp.destinations import Destination
from otp.exceptions import CodeExpired
from otp.models import Verification
from otp.models.lifecycle import PROOF_LIFETIME, Status
from otp.purposes import get_accepted_purposes

SALT = "otp.verification_token"


def make_token(verification: Verification) -> str:
    """Sign an approved verification. What makes it single-use is the row, not the token."""
    return signing.dumps(str(verification.pk), salt=SALT)


def read_token(token: str, *, purpose: str, destination: Destination) -> Verification:
    """Find the approved verification that a token stands for. It is used up by `redeem`, not by reading.

    :raises CodeExpired: when it is forged or old, was used, or proves something else than asked
    """
    try:
        pk = UUID(signing.loads(token, salt=SALT, max_age=PROOF_LIFETIME))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        raise CodeExpired from None
    # SECURITY: the number that ends up on the account is the number that was proven, for this purpose.
    verification = (
        Verification.objects.filter(pk=pk, status=Status.APPROVED, purpose__in=get_accepted_purposes(purpose))
        .to(destination)
        .first()
    )
    if verification is None:
        raise CodeExpired
    return verification
