"""The one reader of the environment. Each variable is documented in `.env.example`.

Values come from the environment first, then from the files named in `ENV_FILES` (`.env` unless set).
Any variable may be given as `NAME_FILE`, a path to a file that holds the value (Docker and systemd secrets).
"""

import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from smartfin import logs
from smartfin.environment import Environment
from smartfin.production import find_production_faults

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
for env_file in env.list("ENV_FILES", default=[".env"]):
    env.read_env(BASE_DIR / env_file)

# Site

DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY: str = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
PORT: int = env.int("PORT", default=8000)
SITE_URL: str = env.str("SITE_URL", default=f"http://127.0.0.1:{PORT}" if DEBUG else "")
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])

# Serving (gunicorn.conf.py)

GUNICORN_BIND: list[str] = env.list("GUNICORN_BIND", default=[f"127.0.0.1:{PORT}"])
GUNICORN_WORKERS: int = env.int("GUNICORN_WORKERS", default=2)
GUNICORN_THREADS: int = env.int("GUNICORN_THREADS", default=32)
GUNICORN_TIMEOUT: int = env.int("GUNICORN_TIMEOUT", default=30)
GUNICORN_GRACEFUL_TIMEOUT: int = env.int("GUNICORN_GRACEFUL_TIMEOUT", default=30)
GUNICORN_HEARTBEAT_DIR: str = env.str("GUNICORN_HEARTBEAT_DIR", default="")
GUNICORN_CERTFILE: str = env.str("GUNICORN_CERTFILE", default="")
GUNICORN_KEYFILE: str = env.str("GUNICORN_KEYFILE", default="")

# Twilio

TWILIO_VERIFY_URL: str = env.str("TWILIO_VERIFY_URL", default="https://verify.twilio.com")
OTP_SANDBOX: bool = TWILIO_VERIFY_URL.startswith("sandbox:")
OTP_ALLOW_SANDBOX: bool = env.bool("OTP_ALLOW_SANDBOX", default=False)


def _sandbox_id(name: str, prefix: str = "") -> str:
    """Give the sandbox an identifier of its own: stable for one SECRET_KEY, never written down anywhere."""
    if not OTP_SANDBOX:
        return ""
    digest = hmac.new(SECRET_KEY.encode(), f"otp.sandbox.{name}".encode(), hashlib.sha256).hexdigest()
    return prefix + digest[:32]


TWILIO_ACCOUNT_SID: str = env.str("TWILIO_ACCOUNT_SID", default="") or _sandbox_id("account", "AC")
TWILIO_AUTH_TOKEN: str = env.str("TWILIO_AUTH_TOKEN", default="") or _sandbox_id("auth_token")
TWILIO_API_KEY: str = env.str("TWILIO_API_KEY", default="")
TWILIO_API_SECRET: str = env.str("TWILIO_API_SECRET", default="")
TWILIO_VERIFY_SERVICE_SID: str = env.str("TWILIO_VERIFY_SERVICE_SID", default="") or _sandbox_id("public", "VA")
TWILIO_LOGIN_SERVICE_SID: str = (
    env.str("TWILIO_LOGIN_SERVICE_SID", default="") or _sandbox_id("login", "VA") or TWILIO_VERIFY_SERVICE_SID
)
TWILIO_PSD2_SERVICE_SID: str = (
    env.str("TWILIO_PSD2_SERVICE_SID", default="") or _sandbox_id("psd2", "VA") or TWILIO_VERIFY_SERVICE_SID
)
TWILIO_NOTICE_FROM: str = env.str("TWILIO_NOTICE_FROM", default="")
TWILIO_MESSAGING_SERVICE_SID: str = env.str("TWILIO_MESSAGING_SERVICE_SID", default="") or (
    "" if TWILIO_NOTICE_FROM else _sandbox_id("messaging", "MG")
)
TWILIO_TIMEOUT: float = env.float("TWILIO_TIMEOUT", default=10.0)

# One-time codes: policy

OTP_CHANNELS: list[str] = env.list("OTP_CHANNELS", default=["sms", "whatsapp", "call", "email"])
OTP_ALLOWED_COUNTRIES: list[str] = env.list(
    # GG, IM and JE share +44 with GB, and many British mobile ranges belong to them.
    "OTP_ALLOWED_COUNTRIES",
    default=["US", "CA", "GB", "GG", "IM", "JE", "IN", "DE", "ES", "FR"],
)
OTP_DEFAULT_COUNTRY: str = env.str("OTP_DEFAULT_COUNTRY", default="")
OTP_REQUIRE_PURPOSE: bool = env.bool("OTP_REQUIRE_PURPOSE", default=False)
OTP_RESEND_WAITS: list[int] = env.list("OTP_RESEND_WAITS", cast=int, default=[30, 40, 60, 90, 120])
OTP_HASH_KEYS: list[str] = env.list("OTP_HASH_KEYS", default=[]) or [SECRET_KEY, *SECRET_KEY_FALLBACKS]
OTP_AUDIT_KEYS: list[str] = env.list("OTP_AUDIT_KEYS", default=[]) or [SECRET_KEY, *SECRET_KEY_FALLBACKS]
OTP_BREAKER_FAILURES: int = env.int("OTP_BREAKER_FAILURES", default=5)
OTP_BREAKER_SECONDS: int = env.int("OTP_BREAKER_SECONDS", default=15)

OTP_BACKGROUND_THREADS: int = env.int("OTP_BACKGROUND_THREADS", default=4)

# One-time codes: limits (the table itself is in otp/limits.py)

OTP_MAX_SENDS_PER_HOUR: int = env.int("OTP_MAX_SENDS_PER_HOUR", default=1000)
OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR: int = env.int("OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR", default=500)
OTP_MAX_SENDS_PER_PREFIX_PER_HOUR: int = env.int("OTP_MAX_SENDS_PER_PREFIX_PER_HOUR", default=50)
OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR: int = env.int("OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR", default=60)
OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE: int = env.int("OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE", default=4)
OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR: int = env.int("OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR", default=10)
OTP_MAX_SENDS_PER_DESTINATION_PER_DAY: int = env.int("OTP_MAX_SENDS_PER_DESTINATION_PER_DAY", default=20)
OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY: int = env.int("OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY", default=5)
OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH: int = env.int("OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH", default=5)
OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR: int = env.int("OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR", default=300)
OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR: int = env.int("OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR", default=10)

# One-time codes: the pumping guard (the table itself is in otp/guard.py)

OTP_GUARD_ADDRESS: str = env.str("OTP_GUARD_ADDRESS", default="record")
OTP_GUARD_PREFIX: str = env.str("OTP_GUARD_PREFIX", default="record")
OTP_GUARD_COUNTRY: str = env.str("OTP_GUARD_COUNTRY", default="record")
OTP_GUARD_ADDRESS_FLOOR: int = env.int("OTP_GUARD_ADDRESS_FLOOR", default=20)
OTP_GUARD_PREFIX_FLOOR: int = env.int("OTP_GUARD_PREFIX_FLOOR", default=20)
OTP_GUARD_COUNTRY_FLOOR: int = env.int("OTP_GUARD_COUNTRY_FLOOR", default=50)
OTP_GUARD_DAY_SHARE: float = env.float("OTP_GUARD_DAY_SHARE", default=1.0)
OTP_GUARD_FORTNIGHT_SHARE: float = env.float("OTP_GUARD_FORTNIGHT_SHARE", default=1.0)

# One-time codes: money. Defaults are the product's own estimates for one verification (README, "Costs").

OTP_DAILY_BUDGET: float = env.float("OTP_DAILY_BUDGET", default=50.0)
OTP_CURRENCY: str = env.str("OTP_CURRENCY", default="USD")
OTP_PRICES: dict[str, str] = env.dict(
    "OTP_PRICES", default={"sms": "0.05", "whatsapp": "0.005", "call": "0.05", "email": "0.05", "success": "0"}
)

# Alerts (the rules are in otp/operations/alerts.py)

OTP_ALERT_MINUTES: int = env.int("OTP_ALERT_MINUTES", default=60)
OTP_ALERT_CONVERSION_SENDS: int = env.int("OTP_ALERT_CONVERSION_SENDS", default=50)
OTP_ALERT_CONVERSION_FLOOR: float = env.float("OTP_ALERT_CONVERSION_FLOOR", default=0.3)
OTP_ALERT_CONVERSION_FLOORS: dict[str, str] = env.dict("OTP_ALERT_CONVERSION_FLOORS", default={})
OTP_ALERT_SPIKE: float = env.float("OTP_ALERT_SPIKE", default=3.0)
OTP_ALERT_SPIKE_SENDS: int = env.int("OTP_ALERT_SPIKE_SENDS", default=100)
OTP_ALERT_PROVIDER_CALLS: int = env.int("OTP_ALERT_PROVIDER_CALLS", default=20)
OTP_ALERT_PROVIDER_ERRORS: float = env.float("OTP_ALERT_PROVIDER_ERRORS", default=0.1)
OTP_ALERT_BUDGET: list[float] = env.list("OTP_ALERT_BUDGET", cast=float, default=[0.8, 1.0])
OTP_ALERT_GUARD_SENDS: int = env.int("OTP_ALERT_GUARD_SENDS", default=5)
OTP_ALERT_WEBHOOK_URL: str = env.str("OTP_ALERT_WEBHOOK_URL", default="")
OTP_ALERT_WEBHOOK_SECRET: str = env.str("OTP_ALERT_WEBHOOK_SECRET", default="")

# Numbers that no numbering plan knows, taken only while the sandbox is on: the one that stands in most examples.
OTP_SANDBOX_NUMBERS: list[str] = ["+1234567890"] if OTP_SANDBOX else []

# Applications

INSTALLED_APPS = [
    "accounts",
    "otp",
    *(["otp.sandbox"] if OTP_SANDBOX else []),
    "smartfin.apps.StaffSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp_webauthn",
    "csp",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "otp.operations.middleware.ProbeMiddleware",
    "smartfin.request_log.RequestLogMiddleware",
    "otp.operations.middleware.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.middleware.SessionLifetimeMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.EnrolmentMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "smartfin.urls"
WSGI_APPLICATION = "smartfin.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "smartfin.context.site",
            ],
        },
    },
]

# Data

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{quote(str(BASE_DIR / 'var' / 'db.sqlite3'))}"),
}
# An attempt row must survive whatever the request does (docs/explanation/ledger.md).
DATABASES["default"]["ATOMIC_REQUESTS"] = False
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
else:
    # Without it a pool hands out connections that a failover has cut.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 0,
        "max_size": env.int("DATABASE_POOL_SIZE", default=8),
        "timeout": 10,
    }

CACHE_URL: str = env.str("CACHE_URL", default="locmem:")
# Django's own Redis backend: what django-environ's cache_url would choose is another library.
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
        if CACHE_URL.startswith(("redis://", "rediss://", "unix://"))
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People and passwords

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR: int = env.int("LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR", default=20)
LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR: int = env.int("LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR", default=100)
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of the links that support has mailed: NIST SP 800-63B-4 section 4.2.1.2
LOGIN_EMAIL_CODES: bool = env.bool("LOGIN_EMAIL_CODES", default=False)
OTP_REQUIRE_2FA_FOR: str = env.str("OTP_REQUIRE_2FA_FOR", default="staff")
OTP_RECOVERY = "accounts.recovery"
OTP_PAYERS = "accounts.payers"
FACTOR_ENCRYPTION_KEYS: list[str] = env.list("FACTOR_ENCRYPTION_KEYS", default=[]) or [
    SECRET_KEY,
    *SECRET_KEY_FALLBACKS,
]
PASSWORD_HASHERS = [
    "accounts.hashers.OwaspArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "phone"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.password_validation.ProductNameValidator"},
]

# Passkeys belong to the host name of SITE_URL; another one would need them set up anew. An address of numbers can have
# none: in development they work on http://localhost instead.
_site = urlsplit(SITE_URL)
OTP_WEBAUTHN_RP_NAME = "SmartFin"
OTP_WEBAUTHN_RP_ID = "localhost" if DEBUG and _site.hostname == "127.0.0.1" else _site.hostname or "localhost"
OTP_WEBAUTHN_ALLOWED_ORIGINS = [f"{_site.scheme}://{_site.netloc.lower()}"]
if DEBUG:
    OTP_WEBAUTHN_ALLOWED_ORIGINS.append(f"http://localhost:{_site.port or PORT}")
    SILENCED_SYSTEM_CHECKS = ["otp_webauthn.E031"]  # origins must be https, which they are in production
OTP_WEBAUTHN_ALLOW_PASSWORDLESS_LOGIN = False
OTP_WEBAUTHN_TIMEOUT_SECONDS = 300  # how long a challenge is good

# Mail

vars().update(env.email_url("EMAIL_URL", default="consolemail:"))
if OTP_SANDBOX and "EMAIL_URL" not in env.ENVIRON:
    EMAIL_BACKEND = "otp.sandbox.mail.InboxBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="SmartFin <no-reply@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_SUBJECT_PREFIX = "[SmartFin] "
# Django 5.2 wants a name beside each address.
ADMINS: list[tuple[str, str]] = [(address, address) for address in env.list("ADMINS", default=[])]

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not DEBUG
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# Files

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "var" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
if DEBUG:
    # Files are served from where they lie, and a change shows at once.
    WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
else:
    # Their names hold a hash of what is in them, so that browsers keep them for good (`manage.py collectstatic`).
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "smartfin.static_files.StaticFilesStorage"},
    }
# SECURITY: no request body is read past this.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["otp.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        *(["rest_framework.renderers.BrowsableAPIRenderer"] if DEBUG else []),
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "otp.api.handler.handle_exception",
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SmartFin one-time codes",
    "DESCRIPTION": "Send a code, prove it, register with it, reset a password with it.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [f"rest_framework.permissions.{'AllowAny' if DEBUG else 'IsAuthenticated'}"],
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["otp.api.schema.drop_trailing_slashes"],
    "ENUM_NAME_OVERRIDES": {
        "Channel": "otp.purposes.Channel",
        "Method": "accounts.factors.methods.Method",
        "SentStatus": ["pending"],
        "VerifiedStatus": ["approved"],
        "ResetStatus": ["password_changed"],
        "LoginStatus": ["authenticated", "second_factor_required"],
        "ProvenStatus": ["proven"],
        "LogoutStatus": ["signed_out"],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
if not DEBUG:
    # OPTIONS describes nothing to strangers.
    REST_FRAMEWORK["DEFAULT_METADATA_CLASS"] = None
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_METHODS = ["GET", "POST", "OPTIONS"]
# What another origin may call is the four public calls; those with a cookie are for pages of this site alone.
CORS_EXPOSE_HEADERS = ["Retry-After"]

# What browsers are told

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
# SECURITY: a client's own X-Forwarded-Proto counts for nothing unless a proxy of ours is known to set it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_NAME = "sessionid" if DEBUG else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if DEBUG else "__Host-csrftoken"
BROWSER_COOKIE_NAME = "browser" if DEBUG else "__Host-browser"
# SECURITY: a signed value of one kind must not pass for another's.
SIGNED_COOKIE_LEGACY_SALT_FALLBACK = False
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_IDLE_SECONDS: int = env.int("SESSION_IDLE_SECONDS", default=1800)
CSRF_COOKIE_HTTPONLY = True

# Logs

LOG_FORMAT: str = env.str("LOG_FORMAT", default="console" if DEBUG else "json")
LOGGING = logs.configure(is_json=LOG_FORMAT != "console")
DEFAULT_EXCEPTION_REPORTER = "smartfin.request_log.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "smartfin.request_log.ReportFilter"

# Metrics

METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS: list[str] = env.list("METRICS_NETWORKS", default=[])
# Read by the metrics library itself, from the environment; named here so that .env can hold it.
PROMETHEUS_MULTIPROC_DIR: str = env.str("PROMETHEUS_MULTIPROC_DIR", default="")

if DEBUG and not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY, in the environment or in .env. `make run` makes one for development.")
if not DEBUG and (faults := find_production_faults(globals())):
    raise ImproperlyConfigured("SmartFin does not start like this:\n" + "\n".join(f"  - {fault}" for fault in faults))
