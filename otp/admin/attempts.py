"""Attempts in the admin site: the list with its filters and search, one attempt, and the list as a file."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from otp.admin.filters import EXACT_FILTERS, CountryFilter, DayFilter, GuardFilter
from otp.admin.find_view import FindingAdmin
from otp.admin.keyset import iterate
from otp.admin.links import link_to_approval, link_to_user, link_to_verification
from otp.client import Client
from otp.models import AuditExport, AuditSeal, VerificationAttempt
from otp.operations.advice import get_advice
from otp.operations.csv_export import write_csv

EXPORT = "otp.export_verificationattempt"
# How many attempts of an export are in memory at a time.
EXPORT_PAGE = 1000


@admin.register(VerificationAttempt)
class VerificationAttemptAdmin(FindingAdmin):
    change_list_template = "admin/otp/verificationattempt/change_list.html"
    list_display = [
        "time",
        "kind",
        "outcome",
        "destination_masked",
        "channel",
        "country",
        "story",
        "purpose",
        "reason",
        "person",
    ]
    list_filter = ["outcome", DayFilter, "kind", "purpose", "channel", CountryFilter, GuardFilter, *EXACT_FILTERS]
    list_select_related = ["user"]
    fields = [
        "created_at",
        "kind",
        "outcome",
        "reason",
        "guard",
        "why",
        "tell",
        "purpose",
        "channel",
        "destination_masked",
        "country",
        "person",
        "story",
        "payment",
        "client_address",
        "user_agent",
        "verification_sid",
        "attempt_sid",
        "provider_code",
        "duration_ms",
        "cost",
        "request_id",
        "seal",
    ]
    readonly_fields = ["why", "tell", "person", "story", "payment", "seal"]

    @admin.display(description=_("user"))
    def person(self, attempt: VerificationAttempt) -> str:
        return link_to_user(attempt)

    @admin.display(description=_("verification"))
    def story(self, attempt: VerificationAttempt) -> str:
        return link_to_verification(attempt)

    @admin.display(description=_("payment"))
    def payment(self, attempt: VerificationAttempt) -> str:
        return link_to_approval(attempt)

    @admin.display(description=_("why"))
    def why(self, attempt: VerificationAttempt) -> str:
        return str(get_advice(attempt).why)

    @admin.display(description=_("what to tell the person"))
    def tell(self, attempt: VerificationAttempt) -> str:
        return str(get_advice(attempt).tell)

    @admin.display(description=_("sealed"))
    def seal(self, attempt: VerificationAttempt) -> str:
        block = AuditSeal.objects.filter(attempt_id=attempt.pk).values_list("block_id", flat=True).first()
        if block is None:
            return str(_("Not yet"))
        address = reverse("admin:otp_auditblock_change", args=[block])
        return format_html('<a href="{}">{}</a>', address, _("In block %(number)s") % {"number": block})

    def get_urls(self) -> list[Any]:
        export = path(
            "export/", self.admin_site.admin_view(require_POST(self.export_view)), name="otp_verificationattempt_export"
        )
        return [export, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(
            request, {**(extra_context or {}), "may_export": request.user.has_perm(EXPORT), "filters": request.GET}
        )

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Write what the filters leave to a file, and who did so to the audit of exports, before the first row goes."""
        # SECURITY: a permission of its own; whoever may look at one case at a time need not take all of them home.
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT)):
            raise PermissionDenied
        changes = self.get_changelist_instance(request)
        client = Client.from_request(request)
        export = AuditExport.objects.create(
            user_id=request.user.pk,
            filters=request.GET.urlencode()[:1000],
            client_address=client.address or None,
            user_agent=client.user_agent,
        )
        response = StreamingHttpResponse(_stream(export, changes.queryset), content_type="text/csv; charset=utf-8")
        name = f"attempts-{timezone.now():%Y%m%d-%H%M%S}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "no-store"
        return response


def _stream(export: AuditExport, attempts: Any) -> Iterator[str]:
    count = -1  # the header is no attempt
    for line in write_csv(iterate(attempts, EXPORT_PAGE)):
        count += 1
        yield line
    AuditExport.objects.filter(pk=export.pk).update(row_count=count)
