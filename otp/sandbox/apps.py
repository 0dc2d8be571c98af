"""The sandbox as a Django application, installed only where settings choose it."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "otp.sandbox"
    label = "otp_sandbox"
    verbose_name = "Twilio sandbox"
    default_auto_field = "django.db.models.BigAutoField"
