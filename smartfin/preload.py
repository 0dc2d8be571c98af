"""What the server loads once, before its workers fork: they share it, and none of their first requests waits for it."""

import gc
from importlib import import_module

import phonenumbers
from django.conf import settings
from django.contrib.auth.password_validation import get_default_password_validators
from django.template import engines
from django.urls import get_resolver
from django.utils import translation

from otp.volume import get_counters


def preload() -> None:
    """Load what requests need and what belongs to no request. Opens no connection: workers have their own."""
    get_resolver().url_patterns  # noqa: B018  the views
    import_module("psycopg_pool")  # which Django imports with the first connection
    get_counters()
    engines.all()
    get_default_password_validators()  # one of them knows 20,000 passwords
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            pass
    for country in settings.OTP_ALLOWED_COUNTRIES:
        if example := phonenumbers.example_number(country):
            phonenumbers.region_code_for_number(example)  # reads the plans of all countries with that prefix
    # What is there by now is never looked at by the garbage collector again. It would write into every object, and with
    # that make each worker a copy of what they could share.
    gc.collect()
    gc.freeze()
