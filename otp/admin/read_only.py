"""Lists that nobody changes anything in, superusers included. Public: other apps show their records the same way."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from otp.admin.keyset import KeysetChangeList


class ReadOnlyAdmin(admin.ModelAdmin):
    """Nobody adds to, changes or deletes these rows by hand."""

    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # SECURITY: where a list has no actions there is nothing to post to it; whatever comes is forged.
        if request.method not in {"GET", "HEAD"} and not self.get_actions(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise PermissionDenied


class LedgerAdmin(ReadOnlyAdmin):
    """A list that stays fast however long it grows.

    Newest first and paged by place, not by number: no count, no sorting by other columns, the same speed on every page.
    The model needs `created_at` with an index, and one with it for each filter that leaves few rows.
    """

    ordering = ["-created_at", "-pk"]
    sortable_by = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/otp/keyset_change_list.html"
    change_form_template = "admin/otp/ledger_change_form.html"

    @admin.display(description=_("time (UTC)"))
    def time(self, row: Any) -> str:
        return f"{row.created_at:%Y-%m-%d %H:%M:%S}"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList
