"""The reference pages say what the code says: error codes, names of purposes and states, checks, limits."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from otp import exceptions
from otp.api.handler import CODES
from otp.limits import CHECK_LIMITS, SEND_LIMITS
from otp.models.attempt import Outcome
from otp.models.lifecycle import Status
from otp.purposes import Purpose

BASE_DIR = Path(__file__).resolve().parents[2]
DOCS = BASE_DIR / "docs"
# Said by the framework rather than by one of our exceptions.
OF_THE_FRAMEWORK = {"not_authenticated": 403, "unsupported_media_type": 415}


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


def find_all_errors(kind=exceptions.OtpError):
    yield kind
    for below in kind.__subclasses__():
        yield from find_all_errors(below)


class TestErrorCodes:
    def test_table_has_every_code_with_its_status(self):
        documented = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", read("reference/api.md"), re.MULTILINE))

        coded = {error.code: str(error.http_status) for error in find_all_errors()}
        framework = {code: str(status) for code, status in OF_THE_FRAMEWORK.items()}

        assert documented == coded | framework

    def test_framework_says_these_codes(self):
        assert set(CODES.values()) >= OF_THE_FRAMEWORK.keys()

    @pytest.mark.parametrize("page", ["reference/api.md", "how-to/TWILIO_OTP_SETUP.md"])
    def test_calls_name_known_codes_with_their_status(self, page):
        status_by_code = {error.code: str(error.http_status) for error in find_all_errors()}

        for codes, status in re.findall(r"((?:`[a-z_]+`,?\s+)+)\((\d{3})", read(page)):
            for code in re.findall(r"`([a-z_]+)`", codes):
                assert status_by_code[code] == status, code


class TestTwilioCodes:
    def test_each_number_becomes_what_the_guide_says(self):
        from otp.verify_api.errors import CHECK_ERRORS, SEND_ERRORS

        rows = re.findall(r"^\| ([\d, ]+) \| [^|]+ \| ([^|]+) \|$", read("how-to/TWILIO_OTP_SETUP.md"), re.MULTILINE)

        assert len(rows) > 15
        for numbers, becomes in rows:
            for number in map(int, numbers.split(",")):
                coded = {table[number].code for table in (SEND_ERRORS, CHECK_ERRORS) if number in table}
                assert set(re.findall(r"`([a-z_]+)`", becomes)) == coded, number


class TestNames:
    def test_purposes(self):
        row = re.search(r"^\| purpose \| (.*?) \|", read("reference/names.md"), re.MULTILINE)[1]

        assert re.findall(r"`([a-z_]+)`", row) == list(Purpose.values)

    def test_states(self):
        row = re.search(r"^\| status \| (.*?) \|", read("reference/names.md"), re.MULTILINE)[1]

        assert re.findall(r"`([a-z_]+)`", row) == list(Status.values)

    def test_outcomes_are_error_codes_or_named(self):
        row = re.search(r"^\| outcome \| (.*?) \|", read("reference/names.md"), re.MULTILINE)[1]
        codes = {error.code for error in find_all_errors()}

        assert set(re.findall(r"`([a-z_]+)`", row)) == set(Outcome.values) - codes


class TestChecks:
    def test_every_system_check_is_listed(self):
        source = (BASE_DIR / "otp" / "checks.py").read_text(encoding="utf-8")

        assert set(re.findall(r"`(otp\.[EW]\d{3})`", read("reference/settings.md"))) == set(
            re.findall(r'id="(otp\.[EW]\d{3})"', source)
        )


class TestLimits:
    def test_every_limit_is_in_the_table_with_its_default(self):
        rows = re.findall(r"^\|[^|]+\| ([\d,.]+)[^|]*\| `(OTP_\w+)` \|", read("explanation/security.md"), re.MULTILINE)
        documented = {name: float(number.replace(",", "")) for number, name in rows}

        names = {limit.setting for limit in (*SEND_LIMITS, *CHECK_LIMITS)} | {
            name for name in dir(settings) if name.startswith("OTP_MAX_")
        }

        assert documented.keys() == names
        for name, number in documented.items():
            example = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
            assert float(re.search(rf"^#{name}=(.*)$", example, re.MULTILINE)[1]) == number, name


class TestCommands:
    def test_page_has_every_command_and_none_that_is_not(self):
        described = set(re.findall(r"^\| `(\w+)` \|", read("reference/commands.md"), re.MULTILINE))
        ours = {name for name, app in get_commands().items() if app in {"otp", "accounts", "smartfin"}}

        assert ours <= described <= get_commands().keys()
