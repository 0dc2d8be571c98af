"""System checks: what settings and project must be like for codes to be safe. Numbered, each with a hint."""

import ipaddress
import re
from typing import Any

import phonenumbers
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import FieldDoesNotExist
from django.db import connection

from otp import guard
from otp.prices import SUCCESS
from otp.purposes import Channel
from otp.text_messages import SENDER

SID = {"TWILIO_ACCOUNT_SID": "AC", "TWILIO_API_KEY": "SK"} | dict.fromkeys(
    ("TWILIO_VERIFY_SERVICE_SID", "TWILIO_LOGIN_SERVICE_SID", "TWILIO_PSD2_SERVICE_SID"), "VA"
)
SID["TWILIO_MESSAGING_SERVICE_SID"] = "MG"
MIN_HASH_KEY_LENGTH = 16
MOST_ALERT_MINUTES = 24 * 60
USER_FIELDS = ("email", "phone", "phone_verified_at", "is_active")


@register()
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, prefix in SID.items():
        value = getattr(settings, name)
        if value and not re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            hint = f"Copy it from the Twilio Console: {prefix} and 32 hexadecimal digits."
            found.append(Error(f"{name} is not a Twilio id.", hint=hint, id="otp.E001"))
    if settings.OTP_SANDBOX and not settings.DEBUG:
        hint = "Anybody can read all codes at /sandbox/. Never on a site that people use."
        found.append(Warning("The sandbox is on while DEBUG is off.", hint=hint, id="otp.W002"))
    if settings.TWILIO_NOTICE_FROM and not SENDER.fullmatch(settings.TWILIO_NOTICE_FROM):
        hint = "Write a number of your account like +12025550123, a short code, or a name of at most 11 characters."
        found.append(Error("TWILIO_NOTICE_FROM is no sender.", hint=hint, id="otp.E030"))
    unknown = set(settings.OTP_CHANNELS) - set(Channel.values)
    if unknown or not settings.OTP_CHANNELS:
        found.append(Error("OTP_CHANNELS names no channel, or an unknown one.", hint=str(unknown), id="otp.E003"))
    if not settings.OTP_RESEND_WAITS or min(settings.OTP_RESEND_WAITS) < 1:
        found.append(Error("OTP_RESEND_WAITS must be seconds, each at least 1.", id="otp.E004"))
    if not 0 < settings.TWILIO_TIMEOUT <= 10:
        hint = "A worker must never hang longer than this on one call."
        found.append(Error("TWILIO_TIMEOUT must be above 0 and at most 10 seconds.", hint=hint, id="otp.E005"))
    return found


@register()
def check_trust(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.TRUSTED_PROXY_COUNT < 0:
        found.append(Error("TRUSTED_PROXY_COUNT must be 0 or more.", id="otp.E012"))
    if any(len(key) < MIN_HASH_KEY_LENGTH for key in settings.OTP_HASH_KEYS) and not settings.DEBUG:
        hint = "Ten digits of a phone number are quickly tried out by whoever can guess the key."
        found.append(Error("OTP_HASH_KEYS must have at least 16 characters each.", hint=hint, id="otp.E013"))
    if any(len(key) < MIN_HASH_KEY_LENGTH for key in settings.OTP_AUDIT_KEYS) and not settings.DEBUG:
        hint = "Whoever can guess the key can change the audit and seal it again."
        found.append(Error("OTP_AUDIT_KEYS must have at least 16 characters each.", hint=hint, id="otp.E040"))
    return found


@register()
def check_tables(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    countries = {*settings.OTP_ALLOWED_COUNTRIES, *filter(None, [settings.OTP_DEFAULT_COUNTRY])}
    if unknown := countries - phonenumbers.SUPPORTED_REGIONS:
        hint = f"Use ISO 3166 codes of two capital letters, not {', '.join(sorted(unknown))}."
        found.append(Error("OTP_ALLOWED_COUNTRIES or OTP_DEFAULT_COUNTRY names no country.", hint=hint, id="otp.E010"))
    for name, price in settings.OTP_PRICES.items():
        if name.partition(":")[0] not in {*Channel.values, SUCCESS} or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", price):
            hint = (
                "Write channel=price or channel:COUNTRY=price, with a decimal point: sms=0.05,sms:GB=0.09,success=0.05."
            )
            found.append(Error(f"OTP_PRICES has an entry that is no price: {name}.", hint=hint, id="otp.E011"))
    return found


@register()
def check_guard(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    names = [rule.name.upper() for rule in guard.RULES]
    if any(getattr(settings, f"OTP_GUARD_{name}") not in guard.MODES for name in names):
        hint = f"Use one of {', '.join(guard.MODES)} for each of OTP_GUARD_{', OTP_GUARD_'.join(names)}."
        found.append(Error("A rule of the pumping guard has an unknown mode.", hint=hint, id="otp.E050"))
    numbers = [*(f"OTP_GUARD_{name}_FLOOR" for name in names), "OTP_GUARD_DAY_SHARE", "OTP_GUARD_FORTNIGHT_SHARE"]
    if low := [name for name in numbers if getattr(settings, name) < 0]:
        hint = f"Set {', '.join(low)} to 0 or more."
        found.append(Error("The pumping guard has a number below 0.", hint=hint, id="otp.E051"))
    return found


@register()
def check_metrics(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < MIN_HASH_KEY_LENGTH:
        hint = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        found.append(Error("METRICS_TOKEN must have at least 16 characters.", hint=hint, id="otp.E060"))
    for network in settings.METRICS_NETWORKS:
        try:
            is_everybody = ipaddress.ip_network(network, strict=False).prefixlen == 0
        except ValueError:
            hint = f"Write 10.0.0.0/8 or fd00::/8, not {network}."
            found.append(Error("METRICS_NETWORKS has something that is no network.", hint=hint, id="otp.E061"))
            continue
        if is_everybody:
            hint = "Name the network that Prometheus asks from, or set METRICS_TOKEN."
            found.append(Warning("METRICS_NETWORKS lets everybody read.", hint=hint, id="otp.W062"))
    return found


@register()
def check_alerts(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    shares = [
        settings.OTP_ALERT_CONVERSION_FLOOR,
        settings.OTP_ALERT_PROVIDER_ERRORS,
        *settings.OTP_ALERT_CONVERSION_FLOORS.values(),
    ]
    if not all(re.fullmatch(r"0(\.[0-9]+)?|1(\.0+)?", str(share)) for share in shares):
        hint = "Write 0.3 for 30 %, and floors of countries as IN=0.2,DE=0.5."
        found.append(Error("A share of OTP_ALERT_… is not from 0 to 1.", hint=hint, id="otp.E070"))
    lowest = min(settings.OTP_ALERT_MINUTES, settings.OTP_ALERT_SPIKE, *settings.OTP_ALERT_BUDGET)
    if lowest <= 0 or settings.OTP_ALERT_MINUTES > MOST_ALERT_MINUTES:
        hint = "OTP_ALERT_MINUTES is from 1 to 1440; OTP_ALERT_SPIKE and OTP_ALERT_BUDGET are above 0."
        found.append(Error("A threshold of OTP_ALERT_… cannot be.", hint=hint, id="otp.E071"))
    if url := settings.OTP_ALERT_WEBHOOK_URL:
        if not url.startswith("https://") and not settings.DEBUG:
            hint = "What is posted says where the site is weak: it goes over TLS alone."
            found.append(Error("OTP_ALERT_WEBHOOK_URL must be an https:// address.", hint=hint, id="otp.E072"))
        if len(settings.OTP_ALERT_WEBHOOK_SECRET) < MIN_HASH_KEY_LENGTH:
            hint = "Whoever gets the posts must be able to tell them from somebody else's."
            message = "OTP_ALERT_WEBHOOK_SECRET must have at least 16 characters."
            found.append(Error(message, hint=hint, id="otp.E073"))
    return found


def find_errors() -> list[str]:
    """Say in a line each what the settings have that must not go into production."""
    found = [*check_settings(), *check_trust(), *check_tables(), *check_guard(), *check_metrics(), *check_alerts()]
    return [f"  - {message.msg} {message.hint or ''}" for message in found if message.is_serious()]


@register(Tags.database)
def check_transactions(**kwargs: Any) -> list[CheckMessage]:
    if not any(database.get("ATOMIC_REQUESTS") for database in settings.DATABASES.values()):
        return []
    hint = "A rolled-back request would take its audit rows with it. Use transaction.atomic() where you need it."
    return [Error("ATOMIC_REQUESTS must be off.", hint=hint, id="otp.E006")]


@register(Tags.database)
def check_audit_guard(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    from otp.operations import audit_guard

    if not databases or not (missing := audit_guard.find_missing_triggers()):
        return []
    hint = "Run `manage.py migrate`, which puts the triggers back."
    message = f"The database does not guard sealed attempts: {', '.join(missing)} missing."
    return [Warning(message, hint=hint, id="otp.W041")]


@register(Tags.models)
def check_user_model(**kwargs: Any) -> list[CheckMessage]:
    """The one place that says what a user model needs for the flows."""
    missing = []
    for name in USER_FIELDS:
        try:
            get_user_model()._meta.get_field(name)
        except FieldDoesNotExist:
            missing.append(name)
    if not missing:
        return []
    hint = "`email` and `phone` (E.164) are text, `phone_verified_at` a time or null; both unique, phone when verified."
    return [Error(f"The user model lacks {', '.join(missing)}.", hint=hint, id="otp.E007")]


@register(Tags.security, deploy=True)
def check_services(**kwargs: Any) -> list[CheckMessage]:
    services = {
        settings.TWILIO_VERIFY_SERVICE_SID,
        settings.TWILIO_LOGIN_SERVICE_SID,
        settings.TWILIO_PSD2_SERVICE_SID,
    }
    found: list[CheckMessage] = []
    if len(services) < 3:
        hint = (
            "Set TWILIO_LOGIN_SERVICE_SID and TWILIO_PSD2_SERVICE_SID: Twilio sends the same digits to one number "
            "within a Service, so a stranger's reset could burn the owner's sign-in code."
        )
        found.append(Warning("Purposes share a Verify Service.", hint=hint, id="otp.W008"))
    if settings.EMAIL_BACKEND == "django.core.mail.backends.console.EmailBackend":
        hint = "Set EMAIL_URL: people are told of a changed password by mail."
        found.append(Warning("Mail goes to the console.", hint=hint, id="otp.W009"))
    if not (settings.TWILIO_MESSAGING_SERVICE_SID or settings.TWILIO_NOTICE_FROM):
        hint = (
            "Set TWILIO_MESSAGING_SERVICE_SID or TWILIO_NOTICE_FROM: when a phone number is changed, the old phone is "
            "told. Until then people are told by e-mail alone."
        )
        found.append(Warning("Notices by text message have no sender.", hint=hint, id="otp.W031"))
    return found


@register(Tags.security, deploy=True)
def check_ledger(**kwargs: Any) -> list[CheckMessage]:
    """Whether all hosts look at one ledger."""
    if connection.vendor != "sqlite":
        return []
    hint = "Set DATABASE_URL to PostgreSQL: a file is one host's alone, and another would take a used code once more."
    return [Warning("The database is an SQLite file.", hint=hint, id="otp.W014")]


@register(Tags.security, deploy=True)
def check_watch(**kwargs: Any) -> list[CheckMessage]:
    """Whether anybody would notice an attack."""
    found: list[CheckMessage] = []
    if not (settings.ADMINS or settings.OTP_ALERT_WEBHOOK_URL):
        hint = "Set ADMINS or OTP_ALERT_WEBHOOK_URL, and have `manage.py check_alerts` run every five minutes."
        found.append(Warning("Nobody is told of alerts.", hint=hint, id="otp.W074"))
    if all(rule.mode == guard.OFF for rule in guard.RULES):
        hint = "Set OTP_GUARD_ADDRESS, OTP_GUARD_PREFIX and OTP_GUARD_COUNTRY to record at least, better to enforce."
        found.append(Warning("The pumping guard is off.", hint=hint, id="otp.W052"))
    return found
