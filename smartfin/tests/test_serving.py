"""The server as `gunicorn.conf.py` sets it up, as a process of its own on the database of the tests."""

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from os import environ

import pytest
import requests
from django.conf import settings
from django.db import connection

from otp.models import VerificationAttempt
from otp.models.attempt import Outcome
from otp.sandbox.control import change_state
from otp.sandbox.models import Message
from otp.tests.processes import get_database_url, wait_until

PHONE = "+12025550123"
# Longer than the test needs to tell the server to stop, shorter than the patience of anything here.
LATENCY_MS = 1500


def get_environment(**values):
    url = get_database_url() if connection.vendor == "postgresql" else f"sqlite:///{connection.settings_dict['NAME']}"
    kept = {name: value for name, value in environ.items() if not name.startswith(("TWILIO_", "OTP_", "EMAIL_"))}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "smartfin.settings",
        "ENV_FILES": "",
        "DEBUG": "1",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": url,
        "DATABASE_POOL_SIZE": "3",
        "TWILIO_VERIFY_URL": "sandbox:",
        "GUNICORN_WORKERS": "1",
        "GUNICORN_THREADS": "4",
        **values,
    }


@contextmanager
def run_gunicorn(log_path, **values):
    command = [sys.executable, "-m", "gunicorn", "smartfin.wsgi"]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=get_environment(GUNICORN_BIND=f"fd://{listener.fileno()}", **values),
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
        try:
            yield process, f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.kill()
            process.wait()


@pytest.mark.django_db(transaction=True)
def test_a_send_in_flight_is_finished_before_the_server_stops(tmp_path):
    change_state({"latency_ms": LATENCY_MS})
    answers = []
    with run_gunicorn(tmp_path / "log") as (process, url):

        def send():
            answers.append(requests.post(f"{url}/api/send-otp", json={"to": PHONE}, timeout=30))

        person = threading.Thread(target=send)
        person.start()
        # The row says that Twilio is on the line.
        wait_until(lambda: VerificationAttempt.objects.filter(outcome=Outcome.CRASHED).exists())
        process.send_signal(signal.SIGTERM)
        person.join(30)
        process.wait(30)

    assert [answer.status_code for answer in answers] == [201], (tmp_path / "log").read_text()
    assert process.returncode == 0
    assert VerificationAttempt.objects.get().outcome == Outcome.OK
    assert Message.objects.get().to == PHONE


PRODUCTION = {
    "DEBUG": "0",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SITE_URL": "https://127.0.0.1",
    "OTP_ALLOW_SANDBOX": "1",
    "CACHE_URL": "redis://cache.example:6379/0",
}


@pytest.mark.requirement("CFG-05")
def test_a_caller_cannot_say_that_plain_http_is_https(db, tmp_path):
    """Not even from the address that gunicorn would trust by itself."""
    (tmp_path / "staticfiles.json").write_text('{"version": "1.1", "paths": {}, "hash": ""}')
    with run_gunicorn(tmp_path / "log", **PRODUCTION, STATIC_ROOT=str(tmp_path)) as (_, url):
        headers = {"X-Forwarded-Proto": "https"}
        answer = requests.get(f"{url}/api/session", headers=headers, timeout=30, allow_redirects=False)

    assert answer.status_code == 301, (tmp_path / "log").read_text()
    assert answer.headers["Location"].startswith("https://")


def test_a_database_that_is_away_is_503_and_a_sentence(db, static_root, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    values = {**PRODUCTION, "STATIC_ROOT": str(static_root), "DATABASE_URL": f"postgres://x@127.0.0.1:{port}/x"}
    # Django asks the database whose session this is before any view runs.
    headers = {"X-Forwarded-Proto": "https", "Cookie": f"__Host-sessionid={'a' * 32}"}
    paths = ["/accounts/security/", "/accounts/login/", "/api/me", "/api/session"]
    with run_gunicorn(tmp_path / "log", **values, TRUSTED_PROXY_COUNT="1") as (_, url), ThreadPoolExecutor() as people:
        # All at once: each waits ten seconds for a connection.
        look = partial(requests.get, headers=headers, timeout=30, allow_redirects=False)
        answers = list(people.map(look, [url + path for path in paths]))

    assert [answer.status_code for answer in answers] == [503] * len(paths), (tmp_path / "log").read_text()
    assert all("try again in a moment" in answer.text.lower() for answer in answers)


def test_pages_without_collected_files_are_refused_at_the_start(db, tmp_path):
    with run_gunicorn(tmp_path / "log", **PRODUCTION, STATIC_ROOT=str(tmp_path / "nothing")) as (process, _):
        assert process.wait(30) != 0

    assert "manage.py collectstatic" in (tmp_path / "log").read_text()


@pytest.mark.requirement("CFG-03")
def test_static_files_have_the_headers_of_pages(client):
    answer = client.get("/static/otp/api.js")

    assert b"sendOTP" in b"".join(answer)
    answer.close()
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "object-src 'none'" in answer["Content-Security-Policy"]


def test_two_workers_count_as_one_and_leave_nothing_behind(db, tmp_path):
    kept = {"TMPDIR": str(tmp_path), "METRICS_TOKEN": "a-token-of-the-tests", "GUNICORN_WORKERS": "2"}
    headers = {"Authorization": "Bearer a-token-of-the-tests"}
    with run_gunicorn(tmp_path / "log", **kept) as (process, url):
        for _ in range(20):  # each a connection of its own, for whichever worker comes first
            requests.get(f"{url}/nowhere/", timeout=30)
        seen = {requests.get(f"{url}/metrics", headers=headers, timeout=30).text for _ in range(6)}
        files = {path.name for path in tmp_path.glob("smartfin-metrics-*/counter_*.db")}
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert len(files) == 2, (tmp_path / "log").read_text()
    assert len(seen) == 1
    assert 'smartfin_http_requests_total{method="GET",status="404",view="none"} 20.0' in seen.pop()
    assert not list(tmp_path.glob("smartfin-metrics-*"))
