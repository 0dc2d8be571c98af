"""The otp app: one-time codes."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate, pre_migrate


class OtpConfig(AppConfig):
    name = "otp"
    verbose_name = "One-time codes"

    def ready(self) -> None:
        from otp import checks  # registers the system checks
        from otp.operations import audit_guard

        pre_migrate.connect(audit_guard.uninstall, sender=self)
        post_migrate.connect(audit_guard.install, sender=self)
        # A server runs none of them by itself; what they call an error must not serve people.
        if not settings.DEBUG and (errors := checks.find_errors()):
            raise ImproperlyConfigured("SmartFin does not start like this:\n" + "\n".join(errors))
