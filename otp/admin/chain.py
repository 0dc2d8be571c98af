"""The audit's own audit in the admin site: the blocks of its chain, and who took a copy."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from otp.admin.links import link_to_user
from otp.admin.read_only import LedgerAdmin
from otp.models import AuditBlock, AuditExport


@admin.register(AuditBlock)
class AuditBlockAdmin(LedgerAdmin):
    list_display = ["number", "time", "kind", "row_count", "key_id", "digest"]
    list_filter = ["kind"]
    fields = ["number", "created_at", "kind", "row_count", "members", "newest_at", "pruned_through", "key_id", "digest"]


@admin.register(AuditExport)
class AuditExportAdmin(LedgerAdmin):
    list_display = ["time", "person", "row_count", "filters", "client_address"]
    list_select_related = ["user"]
    fields = ["created_at", "person", "row_count", "filters", "client_address", "user_agent"]
    readonly_fields = ["person"]

    @admin.display(description=_("user"))
    def person(self, export: AuditExport) -> str:
        return link_to_user(export)
