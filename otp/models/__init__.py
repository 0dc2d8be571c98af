"""The ledger: what was proven, and every attempt at it."""

from otp.models.attempt import VerificationAttempt
from otp.models.verification import Verification

__all__ = ["Verification", "VerificationAttempt"]
