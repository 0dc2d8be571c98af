"""Lists that can be searched without anything personal in a URL."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from otp.admin.finding import FindForm
from otp.admin.read_only import LedgerAdmin


class FindingAdmin(LedgerAdmin):
    finds: tuple[str, ...] = (FindForm.DESTINATION, FindForm.USER, FindForm.ADDRESS, FindForm.TWILIO)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(sensitive_post_parameters("text")(self.find_view)))
        return [path("find/", view, name=f"otp_{self.opts.model_name}_find"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), **self._get_search()})

    def _get_search(self) -> dict[str, Any]:
        return {"find_form": FindForm(self.finds), "find_url": reverse(f"admin:otp_{self.opts.model_name}_find")}

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to the list under the filter that was searched for, or back with a sentence that says what is wrong."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FindForm(self.finds, request.POST)
        query = form.query if form.is_valid() else {}
        for error in [message for found in form.errors.values() for message in found]:
            messages.error(request, str(error))
        address = reverse(f"admin:otp_{self.opts.model_name}_changelist")
        return HttpResponseRedirect(f"{address}?{urlencode(query)}" if query else address)
