"""A site with DEBUG off starts whole or not at all, and says what to set."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import django
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


LOOK = """
import django
django.setup()
from django.test import Client
client = Client(headers={"host": "smartfin.example"})
for method, path, headers in [
    ("GET", "/api/schema", {}),
    ("GET", "/api/docs", {}),
    ("OPTIONS", "/api/send-otp", {}),
    ("GET", "/api/send-otp", {"accept": "text/html"}),
    ("GET", "/api/send-otp?format=api", {}),
    ("GET", "/api/me", {"authorization": "Basic YW5uQGV4YW1wbGUuY29tOnBhc3N3b3Jk"}),
]:
    answer = client.generic(method, path, headers=headers, secure=True)
    print(answer.status_code, "description" in answer.text or "parses" in answer.text)
"""


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


@pytest.mark.requirement("API-07")
def test_strangers_learn_nothing_of_how_the_api_works(static_root):
    """No schema, no browsable page, no answer to OPTIONS that describes, no sign-in by Basic auth."""
    env = {
        **GOOD,
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "smartfin.settings",
        "STATIC_ROOT": str(static_root),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )

    answers = [line.split() for line in done.stdout.splitlines()]
    assert [status for status, _ in answers] == ["403", "403", "405", "406", "404", "403"], done.stderr
    assert {described for _, described in answers} == {"False"}


@pytest.mark.requirement("CFG-01")
def test_deployment_checks_find_nothing_in_a_whole_configuration():
    command = ["bin/with-production-values", sys.executable, "-W", "error", "manage.py", "check", "--deploy"]
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, "--fail-level", "WARNING"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


class TestDependencies:
    @pytest.mark.requirement("CFG-12")
    @pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
    def test_each_is_pinned_with_hashes(self, name):
        entries = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / name).read_text().split("\n", 2)[2])

        assert len(entries) > 20
        assert [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []

    @pytest.mark.requirement("CFG-12")
    def test_django_has_the_fixes_that_this_site_counts_on(self):
        assert django.VERSION[:2] == (5, 2)
        assert django.VERSION >= (5, 2, 19)

    @pytest.mark.requirement("CFG-12")
    def test_the_linter_has_the_security_rules_on(self):
        """Ruff's S rules are bandit's; `make check` runs them."""
        config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]

        assert "S" in config["select"]
        assert [rule for rule in config["ignore"] if rule.startswith("S") and not rule.startswith("SIM")] == ["S101"]
