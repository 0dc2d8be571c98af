"""The ledger: what was proven and approved, every attempt at it, what is known of them afterwards, what seals them."""

from otp.models.alert import Alert
from otp.models.approval import TransactionApproval
from otp.models.attempt import VerificationAttempt
from otp.models.audit_chain import AuditBlock, AuditOpening, AuditSeal
from otp.models.audit_export import AuditExport
from otp.models.delivery import Delivery
from otp.models.totals import AnswerTimes, DailyTotal, HourlyOutcome, HourlyTotal, Progress
from otp.models.verification import Verification

__all__ = [
    "Alert",
    "AnswerTimes",
    "AuditBlock",
    "AuditExport",
    "AuditOpening",
    "AuditSeal",
    "DailyTotal",
    "Delivery",
    "HourlyOutcome",
    "HourlyTotal",
    "Progress",
    "TransactionApproval",
    "Verification",
    "VerificationAttempt",
]
