"""Verifications in the admin site: the list, and the story of one as support tells it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from otp.admin.filters import CountryFilter, DayFilter, DestinationFilter, SidFilter, UserFilter
from otp.admin.find_view import FindingAdmin
from otp.admin.finding import FindForm
from otp.admin.links import get_attempts_url, link_to_user
from otp.models import Verification
from otp.operations.timeline import tell_story


@admin.register(Verification)
class VerificationAdmin(FindingAdmin):
    finds = (FindForm.DESTINATION, FindForm.USER, FindForm.TWILIO)
    change_form_template = "admin/otp/verification/change_form.html"
    list_display = ["time", "purpose", "channel", "destination_masked", "country", "status", "person"]
    list_filter = ["status", DayFilter, "purpose", "channel", CountryFilter, DestinationFilter, UserFilter, SidFilter]
    list_select_related = ["user"]
    # Not shown: what binds it to a browser and the hash of a kept code, which are nobody's business.
    fields = [
        "status",
        "purpose",
        "channel",
        "destination",
        "country",
        "person",
        "sends",
        "checks",
        "calls",
        "created_at",
        "expires_at",
        "next_send_at",
        "approved_at",
        "redeemed_at",
        "verification_sid",
        "service_sid",
    ]
    readonly_fields = ["destination", "person"]

    @admin.display(description=_("user"))
    def person(self, verification: Verification) -> str:
        return link_to_user(verification)

    @admin.display(description=_("destination"))
    def destination(self, verification: Verification) -> str:
        if not verification.destination_hash:
            return verification.destination_masked
        return format_html(
            '{} (<a href="{}">{}</a>)',
            verification.destination_masked,
            get_attempts_url(to=verification.destination_hash),
            _("all attempts there"),
        )

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        verification = self.get_object(request, object_id)
        if verification and self.has_view_permission(request, verification):
            extra_context = {**(extra_context or {}), "story": tell_story(verification)}
        return super().change_view(request, object_id, form_url, extra_context)
