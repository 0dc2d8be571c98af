"""A site with DEBUG off starts whole or not at all, and says what to set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "ENV_FILES": "",
    "DEBUG": "0",
    "SECRET_KEY": "q8Zr2Lw7" * 8,
    "ALLOWED_HOSTS": "smartfin.example",
    "SITE_URL": "https://smartfin.example",
    "DATABASE_URL": "postgres://smartfin@db.example/smartfin",
    "CACHE_URL": "redis://cache.example:6379/0",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0" * 32,
    "TWILIO_VERIFY_SERVICE_SID": "VA" + "0" * 32,
}
START = "from smartfin.wsgi import application; from django.conf import settings; print('started', settings.DEBUG)"


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Start the site in a process of its own, as a server does."""
    env = {**GOOD, **changes, "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "smartfin.settings"}
    command = [sys.executable, "-c", START]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


class TestStart:
    def test_with_everything_set(self):
        result = start()

        assert result.returncode == 0, result.stderr
        assert result.stdout == "started False\n"

    @pytest.mark.requirement("CFG-02", "OTP-14", "THR-04")
    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"SECRET_KEY": ""}, "SECRET_KEY is missing: set it"),
            ({"SECRET_KEY": "changeme"}, "SECRET_KEY is too easy to guess"),
            ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too easy to guess"),
            ({"SECRET_KEY": "django-insecure-" + "q8Zr2Lw7" * 8}, "SECRET_KEY is too easy to guess"),
            ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is missing"),
            ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must not be '*'"),
            ({"ALLOWED_HOSTS": "smartfin.example,*"}, "ALLOWED_HOSTS must not be '*'"),
            ({"SITE_URL": ""}, "SITE_URL must be the https:// address"),
            ({"SITE_URL": "http://smartfin.example"}, "SITE_URL must be the https:// address"),
            ({"CACHE_URL": ""}, "CACHE_URL must name a Redis server"),
            ({"CACHE_URL": "locmem:"}, "CACHE_URL must name a Redis server"),
            ({"CACHE_URL": "dummycache:"}, "CACHE_URL must name a Redis server"),
            ({"CACHE_URL": "filecache:///tmp/cache"}, "CACHE_URL must name a Redis server"),
            ({"CACHE_URL": "dbcache://cache"}, "CACHE_URL must name a Redis server"),
            ({"CORS_ALLOWED_ORIGINS": "http://app.example"}, "CORS_ALLOWED_ORIGINS must hold https:// origins"),
            ({"TWILIO_ACCOUNT_SID": ""}, "Twilio is not configured: set TWILIO_ACCOUNT_SID"),
            ({"TWILIO_AUTH_TOKEN": ""}, "Twilio is not configured"),
            ({"TWILIO_VERIFY_SERVICE_SID": ""}, "TWILIO_VERIFY_SERVICE_SID is missing"),
            ({"TWILIO_VERIFY_URL": "http://proxy.example"}, "TWILIO_VERIFY_URL must be an https:// address"),
            ({"TWILIO_VERIFY_URL": "sandbox:"}, "shows all codes to everybody"),
            ({"TWILIO_VERIFY_SERVICE_SID": "your_service_sid"}, "TWILIO_VERIFY_SERVICE_SID is not a Twilio id"),
            ({"TWILIO_TIMEOUT": "100"}, "TWILIO_TIMEOUT must be"),
            ({"TRUSTED_PROXY_COUNT": "-1"}, "TRUSTED_PROXY_COUNT must be"),
            ({"OTP_RESEND_WAITS": "0"}, "OTP_RESEND_WAITS must be"),
            ({"OTP_CHANNELS": "pigeon"}, "OTP_CHANNELS names no channel"),
            ({"OTP_HASH_KEYS": "short"}, "OTP_HASH_KEYS must have"),
            ({"OTP_PRICES": "sms=free"}, "OTP_PRICES has an entry"),
        ],
    )
    def test_is_refused_with_a_sentence_that_says_what_to_set(self, changes, sentence):
        result = start(**changes)

        assert result.returncode != 0
        assert sentence in result.stderr
        assert GOOD["SECRET_KEY"] not in result.stderr

    def test_names_everything_at_once(self):
        stderr = start(SECRET_KEY="", CACHE_URL="", SITE_URL="").stderr

        assert stderr.count("\n  - ") == 3

    @pytest.mark.requirement("OTP-14")
    def test_a_staging_site_may_ask_for_the_sandbox(self):
        result = start(TWILIO_VERIFY_URL="sandbox:", OTP_ALLOW_SANDBOX="1", TWILIO_AUTH_TOKEN="")

        assert result.returncode == 0, result.stderr

    def test_an_api_key_is_enough(self):
        result = start(TWILIO_AUTH_TOKEN="", TWILIO_API_KEY="SK" + "0" * 32, TWILIO_API_SECRET="secret")

        assert result.returncode == 0, result.stderr

    def test_secrets_may_lie_in_files(self, tmp_path):
        secret = tmp_path / "secret_key"
        secret.write_text(GOOD["SECRET_KEY"])
        env = {name: value for name, value in GOOD.items() if name != "SECRET_KEY"}
        env |= {
            "SECRET_KEY_FILE": str(secret),
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "smartfin.settings",
        }

        result = subprocess.run(
            [sys.executable, "-c", START], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )

        assert result.returncode == 0, result.stderr

    def test_development_needs_a_secret_too(self):
        assert "Set SECRET_KEY" in start(DEBUG="1", SECRET_KEY="").stderr
