"""What must be right before the site starts with DEBUG off. Used by `smartfin/settings.py` alone."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}


def find_production_faults(settings: Mapping[str, Any]) -> list[str]:
    """Name what is missing or unsafe, one sentence each that says what to set; empty when all is well."""
    return [
        *_find_site_faults(settings),
        *(_find_sandbox_faults(settings) if settings["OTP_SANDBOX"] else _find_twilio_faults(settings)),
    ]


def _find_site_faults(settings: Mapping[str, Any]) -> list[str]:
    faults = []
    secret_key = settings["SECRET_KEY"]
    if not secret_key:
        faults.append("SECRET_KEY is missing: set it to at least 50 random characters.")
    elif len(secret_key) < 50 or len(set(secret_key)) < 5 or secret_key.startswith("django-insecure-"):
        faults.append("SECRET_KEY is too easy to guess: set it to at least 50 random characters.")
    if not settings["ALLOWED_HOSTS"]:
        faults.append("ALLOWED_HOSTS is missing: name the host names that this site answers to.")
    elif "*" in settings["ALLOWED_HOSTS"]:
        faults.append("ALLOWED_HOSTS must not be '*': name the host names that this site answers to.")
    site_url = urlsplit(settings["SITE_URL"])
    if not (site_url.scheme == "https" and site_url.hostname):
        faults.append("SITE_URL must be the https:// address of this site: it is the only origin used in links.")
    if not settings["CACHE_URL"].startswith(("redis://", "rediss://", "unix://")):
        faults.append("CACHE_URL must name a Redis server: limits are counted there, by all processes together.")
    if any(not origin.startswith("https://") for origin in settings["CORS_ALLOWED_ORIGINS"]):
        faults.append("CORS_ALLOWED_ORIGINS must hold https:// origins only.")
    return faults


def _find_sandbox_faults(settings: Mapping[str, Any]) -> list[str]:
    # SECURITY: the sandbox shows every code to whoever asks for it.
    if settings["OTP_ALLOW_SANDBOX"]:
        return []
    return [
        "TWILIO_VERIFY_URL chooses the sandbox, which shows all codes to everybody: set it to Twilio's address, "
        "or set OTP_ALLOW_SANDBOX=1 if this is a staging site."
    ]


def _find_twilio_faults(settings: Mapping[str, Any]) -> list[str]:
    faults = []
    has_token = settings["TWILIO_AUTH_TOKEN"]
    has_api_key = settings["TWILIO_API_KEY"] and settings["TWILIO_API_SECRET"]
    if not (settings["TWILIO_ACCOUNT_SID"] and (has_token or has_api_key)):
        faults.append(
            "Twilio is not configured: set TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or "
            "TWILIO_API_KEY with TWILIO_API_SECRET."
        )
    if not settings["TWILIO_VERIFY_SERVICE_SID"]:
        faults.append("TWILIO_VERIFY_SERVICE_SID is missing: set it to the Verify Service for public use (VA…).")
    url = urlsplit(settings["TWILIO_VERIFY_URL"])
    if url.scheme != "https" and url.hostname not in LOOPBACK_HOSTS:
        faults.append("TWILIO_VERIFY_URL must be an https:// address: the account's token is sent there.")
    return faults
