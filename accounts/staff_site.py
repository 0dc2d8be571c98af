"""The admin site: for staff whom a second factor has proven in this session."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts import policy


class StaffSite(AdminSite):
    """Django's own, but a password alone opens nothing."""

    site_header = site_title = "SmartFin"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        # SECURITY: every page of the admin asks this, the index and the app lists included.
        return super().has_permission(request) and (not policy.is_staff_proof_needed() or user.is_verified())

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Lead to the one page that changes passwords."""
        # SECURITY: Django's own asks for no second factor, ends no trust in browsers, and leaves no record.
        return redirect("accounts:password-change")
