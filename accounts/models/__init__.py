"""People, what they sign in with, and what happened to their accounts."""

from accounts.models.browser import KnownBrowser
from accounts.models.budget import FactorBudget
from accounts.models.devices import BackupCode, BackupCodeDevice, PhoneDevice, TotpDevice
from accounts.models.event import SecurityEvent
from accounts.models.passkey_challenge import PasskeyChallenge
from accounts.models.phone_change import PhoneChange
from accounts.models.session import UserSession
from accounts.models.user import User

__all__ = [
    "BackupCode",
    "BackupCodeDevice",
    "FactorBudget",
    "KnownBrowser",
    "PasskeyChallenge",
    "PhoneChange",
    "PhoneDevice",
    "SecurityEvent",
    "TotpDevice",
    "User",
    "UserSession",
]
