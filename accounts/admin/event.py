"""What happened to accounts, in the admin site: to read, for everybody alike."""

import ipaddress
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import SecurityEvent, User
from accounts.models.event import hash_typed
from otp.admin import ReadOnlyAdmin
from otp.admin.filters import DayFilter
from otp.destinations import fold_email


class ByStaffFilter(admin.SimpleListFilter):
    title = _("done by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("person", _("the person")), ("staff", _("staff"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SecurityEvent]) -> QuerySet[SecurityEvent]:
        if self.value() in {"person", "staff"}:
            return queryset.filter(actor__isnull=self.value() == "person")
        return queryset


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "kind", "user", "detail", "actor", "client_address"]
    list_filter = ["kind", DayFilter, ByStaffFilter]
    list_select_related = ["user", "actor"]
    fields = ["created_at", "kind", "user", "detail", "actor", "reason", "client_address", "user_agent"]
    search_fields = ["user__email"]
    search_help_text = _("A whole email address or client address.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SecurityEvent], search_term: str
    ) -> tuple[QuerySet[SecurityEvent], bool]:
        """Find exactly what was typed: parts of addresses would read the whole table."""
        if not (term := search_term.strip()):
            return queryset, False
        try:
            return queryset.filter(client_address=str(ipaddress.ip_address(term))), False
        except ValueError:
            # Looked up first, for the table has an index by each of the three and none over a join.
            ids = list(User.objects.filter(email=fold_email(term)).values_list("pk", flat=True))
            typed = Q(typed_hash__in=hash_typed(term))
            return queryset.filter(Q(user_id__in=ids) | Q(actor_id__in=ids) | typed), False
