"""The otp app: one-time codes."""

from django.apps import AppConfig


class OtpConfig(AppConfig):
    name = "otp"
    verbose_name = "One-time codes"

    def ready(self) -> None:
        from otp import checks  # noqa: F401  registers the system checks
