"""People in the admin site."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts.models import User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    ordering = ["-id"]
    list_display = ["email", "phone", "phone_verified_at", "two_factor_enabled", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active", "two_factor_enabled"]
    search_fields = ["email", "phone"]
    # Proofs are made by the person, never typed in by staff.
    # SECURITY: a number that staff could move would take its proof along, and reset the password to another phone.
    readonly_fields = ["phone", "phone_verified_at", "two_factor_enabled", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Phone", {"fields": ["phone", "phone_verified_at", "two_factor_enabled"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "usable_password", "password1", "password2"]})]
