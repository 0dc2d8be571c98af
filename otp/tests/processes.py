"""Gunicorn as in production, on the database and the Redis of this test run: what a test of real processes needs."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from os import environ, kill, killpg
from urllib.parse import quote

import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection

HAS_SERVICES = connection.vendor == "postgresql" and django_settings.CACHE_URL.startswith("redis")
WORKERS = 4
SENDS_PER_ADDRESS = 20
DEADLINE_SECONDS = 60
# Which processes there are, told by the server itself: one file for each worker that runs.
GUNICORN_CONFIG = """
from pathlib import Path

workers_directory = Path(__file__).parent / "workers"

def post_fork(server, worker):
    (workers_directory / str(worker.pid)).touch()

def child_exit(server, worker):
    (workers_directory / str(worker.pid)).unlink(missing_ok=True)
"""


class Server:
    def __init__(self, url, process, directory):
        self.url = url
        self.process = process
        self.directory = directory

    @property
    def workers(self):
        return {int(path.name) for path in (self.directory / "workers").iterdir()}

    def post(self, path, *, client_address="192.0.2.1", **body):
        """Make one call on a connection of its own, as one client among many behind the proxy."""
        return self.send(f"/api/{path}", body, {"X-Forwarded-For": client_address})

    def send(self, path, body, headers):
        """Post to any address, with headers of one's own: the cookies of somebody who is signed in."""
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Connection": "close", **headers}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"{self.url}{path}", json=body, headers=headers, timeout=DEADLINE_SECONDS, allow_redirects=False
            )

    def get_workers_that_answered(self):
        return set((self.directory / "access.log").read_text().split())

    def kill_workers(self):
        """Kill all of them with no chance to finish, and return when others have taken their places."""
        killed = self.workers
        for pid in killed:
            kill(pid, signal.SIGKILL)
        wait_until(lambda: len(self.workers - killed) == WORKERS and not self.workers & killed)


def wait_until(is_so):
    """Look until it is so; fail when that takes too long."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < ends_at, "It never came to that."
        time.sleep(0.005)


def get_database_url():
    values = connection.settings_dict
    password = f":{quote(values['PASSWORD'], safe='')}" if values["PASSWORD"] else ""
    host = quote(values["HOST"] or "127.0.0.1", safe="")
    return f"postgres://{quote(values['USER'], safe='')}{password}@{host}:{values['PORT'] or 5432}/{values['NAME']}"


def get_environment(**changes):
    return {
        **{name: value for name, value in environ.items() if not name.startswith(("TWILIO_", "OTP_", "EMAIL_"))},
        "DJANGO_SETTINGS_MODULE": "smartfin.settings",
        "ENV_FILES": "",
        "DEBUG": "0",
        "SECRET_KEY": django_settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": "https://127.0.0.1",
        "TRUSTED_PROXY_COUNT": "1",
        "DATABASE_URL": get_database_url(),
        # Several such servers may run at once, and PostgreSQL takes a hundred connections unless told otherwise.
        "DATABASE_POOL_SIZE": "3",
        "CACHE_URL": django_settings.CACHE_URL,
        "TWILIO_VERIFY_URL": "sandbox:",
        "OTP_ALLOW_SANDBOX": "1",
        "OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR": str(SENDS_PER_ADDRESS),
        "OTP_MAX_SENDS_PER_PREFIX_PER_HOUR": "1000",
        **changes,
    }


@contextmanager
def run_server(directory, *options, **variables):
    """Start gunicorn on a free port; end it, and all that it started, whatever happens. `variables` are its own."""
    (directory / "workers").mkdir()
    (directory / "gunicorn.conf.py").write_text(GUNICORN_CONFIG)
    command = [
        *(sys.executable, "-m", "gunicorn", "smartfin.wsgi", "--config", str(directory / "gunicorn.conf.py")),
        *("--workers", str(WORKERS), "--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "5"),
        *("--access-logfile", str(directory / "access.log"), "--access-logformat", "%(p)s"),
        *options,
    ]
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener, (directory / "log").open("wb") as log:
        port = listener.getsockname()[1]
        # The socket is open before the process runs: whoever calls early waits in line instead of being refused.
        process = subprocess.Popen(
            [*command, "--bind", f"fd://{listener.fileno()}"],
            cwd=django_settings.BASE_DIR,
            env=get_environment(**variables),
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", process, directory)
    try:
        wait_until(lambda: len(server.workers) == WORKERS or process.poll() is not None)
        assert server.post("verify-otp").status_code == 400, (directory / "log").read_text()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            killpg(process.pid, signal.SIGKILL)
            process.wait()


def skip_without_services():
    if not HAS_SERVICES:
        pytest.skip("needs PostgreSQL and Redis: make test-services")
