"""Links between the ledger and people, both ways."""

from typing import Any

from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from otp.models import AuditExport, TransactionApproval, Verification, VerificationAttempt

Row = VerificationAttempt | Verification | AuditExport | TransactionApproval


def link_to_user(row: Row) -> str:
    """Link to the account in the admin site; of one that is gone the number remains."""
    if row.user_id is None:
        return ""
    if (user := _find_user(row)) is None:
        return _("%(id)s (account gone)") % {"id": row.user_id}
    meta = get_user_model()._meta
    try:
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.user_id])
    except NoReverseMatch:
        return str(user)
    return format_html('<a href="{}">{}</a>', address, user)


def link_to_verification(attempt: VerificationAttempt) -> str:
    if attempt.verification_id is None:
        return ""
    address = reverse("admin:otp_verification_change", args=[attempt.verification_id])
    return format_html('<a href="{}">{}</a>', address, _("Timeline"))


def link_to_approval(attempt: VerificationAttempt) -> str:
    if attempt.approval_id is None:
        return ""
    address = reverse("admin:otp_transactionapproval_change", args=[attempt.approval_id])
    return format_html('<a href="{}">{}</a>', address, attempt.approval)


def get_attempts_url(**filters: Any) -> str:
    """Give the address of the list of attempts under filters: `get_attempts_url(user=17)`."""
    address = reverse("admin:otp_verificationattempt_changelist")
    return f"{address}?{'&'.join(f'{name}={value}' for name, value in filters.items())}"


def _find_user(row: Row) -> Any:
    try:
        return row.user
    except get_user_model().DoesNotExist:
        return None
