"""Emptying the sandbox, and what the site counts because of it."""

import importlib

from django.apps import apps
from django.db import transaction

from otp.sandbox import models


def empty_sandbox() -> None:
    """Delete every row of the sandbox; the configured services come back on first use."""
    with transaction.atomic():
        for model in (
            models.Message,
            models.ReceivedCall,
            models.Counter,
            models.SafeNumber,
            models.Template,
            models.Service,
            models.Control,
        ):
            model.objects.all().delete()


def reset_site_counters() -> None:
    """Let the site forget its volume counters and its opinion of Twilio's health; its ledger stays."""
    # The sandbox also runs alone, and the site imports the sandbox's transport: so only here, and by name.
    if not apps.is_installed("otp"):
        return
    importlib.import_module("otp.limits").reset_volume_counters()
    importlib.import_module("otp.verify_api.service").twilio_verify.reset_breaker()
    importlib.import_module("otp.verify_api.messages").twilio_messages.reset_breaker()
