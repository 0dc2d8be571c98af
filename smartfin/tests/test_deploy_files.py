"""What the site is deployed with names only what is there."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
JOBS = (ROOT / "bin/jobs").read_text()


def test_the_image_copies_what_is_there_and_all_of_the_code():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {"smartfin", "accounts", "otp", "templates", "static", "locale", "gunicorn.conf.py"} <= sources


def test_jobs_run_commands_that_exist():
    named = re.findall(r"[{;] run ([a-z_]+)", JOBS)

    assert len(named) >= 6
    assert set(named) <= set(get_commands())


@pytest.mark.parametrize("arguments", [[], ["weekly"]])
def test_jobs_refuse_an_unknown_group(arguments):
    done = subprocess.run([ROOT / "bin/jobs", *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "often, hourly, daily, forever" in done.stderr


class TestCompose:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())

    def test_has_two_copies_of_the_app_that_write_nowhere_and_may_nothing(self):
        app = self.compose["services"]["app"]

        assert app["deploy"]["replicas"] == 2
        assert app["read_only"] is True
        assert app["cap_drop"] == ["ALL"]

    def test_database_and_counters_cannot_be_reached_from_outside(self):
        services = self.compose["services"]

        assert self.compose["networks"]["inside"] == {"internal": True}
        assert all(services[name]["networks"] == ["inside"] for name in ("postgres", "redis", "migrate"))
        assert [name for name, service in services.items() if "ports" in service] == ["proxy"]

    def test_nothing_is_served_before_the_database_is_migrated(self):
        needs = self.compose["services"]["app"]["depends_on"]

        assert needs["migrate"] == {"condition": "service_completed_successfully"}


def test_each_timer_names_a_group_of_jobs():
    timers = {path.stem.partition("@")[2] for path in (ROOT / "deploy/systemd").glob("*.timer")}

    assert timers == {"often", "hourly", "daily"}
    assert all(f"\n{name}() {{" in JOBS for name in timers)
