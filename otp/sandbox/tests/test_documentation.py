from pathlib import Path

import pytest
from django.conf import settings

from otp.sandbox.control import SWITCHES
from otp.sandbox.faults import FAULTS
from otp.sandbox.numbers import MAGIC_NUMBERS, UNDELIVERED_NUMBERS


@pytest.fixture(scope="module")
def page():
    return (Path(settings.BASE_DIR) / "docs" / "reference" / "sandbox.md").read_text(encoding="utf-8")


class TestSandboxPage:
    @pytest.mark.parametrize("name", [*FAULTS, *SWITCHES])
    def test_names_every_fault_and_switch(self, page, name):
        assert f"| `{name}` |" in page

    @pytest.mark.parametrize(("number", "magic"), MAGIC_NUMBERS.items(), ids=str)
    def test_names_every_magic_number_with_its_error(self, page, number, magic):
        assert f"| `{number}` | {magic.code} |" in page

    @pytest.mark.parametrize(("number", "code"), UNDELIVERED_NUMBERS.items(), ids=str)
    def test_names_every_number_that_is_never_reached(self, page, number, code):
        assert f"| `{number}` | {code} |" in page
