"""The ledger: what was proven, and every attempt at it; and what is known of them afterwards."""

from otp.models.attempt import VerificationAttempt
from otp.models.delivery import Delivery
from otp.models.totals import AnswerTimes, DailyTotal, HourlyTotal, Progress
from otp.models.verification import Verification

__all__ = [
    "AnswerTimes",
    "DailyTotal",
    "Delivery",
    "HourlyTotal",
    "Progress",
    "Verification",
    "VerificationAttempt",
]
