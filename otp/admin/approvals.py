"""Payments in the admin site: the list, and one with every attempt at it."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from otp.admin.filters import ApprovalFilter, DayFilter, UserFilter
from otp.admin.find_view import FindingAdmin
from otp.admin.finding import FindForm
from otp.admin.links import get_attempts_url, link_to_user
from otp.models import TransactionApproval

# More than an honest payment has: five tries and a few sends.
MOST_ATTEMPTS = 50


@admin.register(TransactionApproval)
class TransactionApprovalAdmin(FindingAdmin):
    finds = (FindForm.USER, FindForm.APPROVAL)
    list_display = ["created_at", "status", "shown_amount", "payee", "reference", "person", "method"]
    list_filter = ["status", DayFilter, "currency", UserFilter, ApprovalFilter]
    list_select_related = ["user"]
    # Not shown: the digest that binds its code, and where the page goes on to.
    fields = [
        "id",
        "status",
        "shown_amount",
        "payee",
        "reference",
        "person",
        "method",
        "tries",
        "wrong_codes",
        "created_at",
        "expires_at",
        "approved_at",
        "redeemed_at",
        "intact",
        "all_attempts",
    ]
    readonly_fields = ["id", "shown_amount", "person", "intact", "all_attempts"]

    @admin.display(description=_("amount"))
    def shown_amount(self, approval: TransactionApproval) -> str:
        return approval.amount_shown

    @admin.display(description=_("user"))
    def person(self, approval: TransactionApproval) -> str:
        return link_to_user(approval)

    @admin.display(description=_("as it was opened"), boolean=True)
    def intact(self, approval: TransactionApproval) -> bool:
        return approval.is_intact

    @admin.display(description=_("attempts"))
    def all_attempts(self, approval: TransactionApproval) -> str:
        """List what was sent and tried for it, each with a link, and a link to all of them as a list."""
        rows = format_html_join(
            "",
            '<li><a href="{}">{}</a> {}: {}</li>',
            (
                (
                    reverse("admin:otp_verificationattempt_change", args=[attempt.pk]),
                    f"{attempt.created_at:%Y-%m-%d %H:%M:%S}",
                    attempt.get_kind_display(),
                    attempt.get_outcome_display(),
                )
                for attempt in approval.attempts.order_by("created_at", "pk")[:MOST_ATTEMPTS]
            ),
        )
        if not rows:
            return str(_("None"))
        address = get_attempts_url(approval=approval.pk)
        return format_html('<ol>{}</ol><a href="{}">{}</a>', rows, address, _("As a list"))
