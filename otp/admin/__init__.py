"""The ledger in the admin site: to read, for everybody alike."""

from otp.admin import approvals, attempts, chain, verifications
from otp.admin.read_only import ReadOnlyAdmin

__all__ = ["ReadOnlyAdmin", "approvals", "attempts", "chain", "verifications"]
