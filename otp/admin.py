"""The ledger in the admin site: to read, for everybody alike."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from otp.models import Verification, VerificationAttempt


class ReadOnlyAdmin(admin.ModelAdmin):
    """Nobody adds to, changes or deletes from the ledger by hand, superusers included."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "purpose", "channel", "destination_masked", "status", "sends", "checks"]
    list_filter = ["status", "purpose", "channel"]
    ordering = ["-created_at"]
    show_full_result_count = False


@admin.register(VerificationAttempt)
class VerificationAttemptAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "kind", "outcome", "purpose", "channel", "destination_masked", "country", "reason"]
    list_filter = ["outcome", "kind", "purpose", "channel"]
    ordering = ["-id"]
    show_full_result_count = False
