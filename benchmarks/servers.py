"""The processes of a measurement: gunicorn, Redis, the stand-in for Twilio; and what the kernel says of them."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, create_server

from benchmarks.load import HOST

BASE_DIR = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 60
FLOOR_SITE = "benchmarks.floors"


class NotReady(Exception):
    """A process did not come up in time; its log is in the sentence."""


def find_free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens.

    :raises NotReady: when the process has ended, or a minute has passed
    """
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise NotReady(f"{process.args!r} does not listen on {port}.")


@contextmanager
def run(
    port: int, *command: str, env: dict[str, str] | None = None, log: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run something until the block ends; what it prints goes to a file, or nowhere."""
    with Path(log or os.devnull).open("wb") as output:
        process = subprocess.Popen(command, cwd=BASE_DIR, env=env, stdout=output, stderr=output)  # noqa: S603
    try:
        wait_for(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@contextmanager
def run_redis() -> Iterator[int]:
    """Run a Redis that nobody else talks to, so that its counts are ours."""
    port = find_free_port()
    with run(
        port,
        "redis-server",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--loglevel",
        "warning",
        log=os.devnull,
    ):
        yield port


@contextmanager
def run_module(name: str, *arguments: object) -> Iterator[int]:
    """Run a module that listens on the port given to it first."""
    port = find_free_port()
    with run(port, sys.executable, "-m", f"benchmarks.{name}", str(port), *map(str, arguments)):
        yield port


def get_environment(database_url: str, redis_port: int, twilio_port: int, **values: str) -> dict[str, str]:
    """Give what the site is started with: as in production, in front of the stand-in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251
    hex_digits = "0123456789abcdef" * 2
    return (
        kept
        | {
            "ENV_FILES": "",
            "MALLOC_ARENA_MAX": "2",
            "DEBUG": "0",
            "SECRET_KEY": "made-up-for-measuring-" + "aB3dE5fG7h" * 5,
            "ALLOWED_HOSTS": HOST,
            "SITE_URL": f"https://{HOST}",
            "TRUSTED_PROXY_COUNT": "1",
            "DATABASE_URL": database_url,
            "CACHE_URL": f"redis://127.0.0.1:{redis_port}/0",
            "EMAIL_URL": "dummymail:",
            "TWILIO_ACCOUNT_SID": f"AC{hex_digits}",
            "TWILIO_AUTH_TOKEN": hex_digits,
            "TWILIO_VERIFY_SERVICE_SID": f"VA{hex_digits}",
            "TWILIO_LOGIN_SERVICE_SID": f"VA{hex_digits[::-1]}",
            "TWILIO_PSD2_SERVICE_SID": f"VA{hex_digits[1:]}0",
            "TWILIO_VERIFY_URL": f"http://127.0.0.1:{twilio_port}",
        }
        | values
    )


def read_megabytes(pid: int) -> float:
    """Read the proportional set size of a process: what it shares with others counts by its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@dataclass
class Site:
    """A running gunicorn."""

    port: int
    process: subprocess.Popen[bytes]
    seconds_to_listen: float

    @property
    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the server and its workers, so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids]
        return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS

    @property
    def worker_megabytes(self) -> float:
        """What one worker takes of memory."""
        sizes = [read_megabytes(pid) for pid in self.pids[1:]]
        return sum(sizes) / len(sizes)

    def wait_until_idle(self) -> None:
        """Wait until what was handed in after the answers is done as well."""
        before = -1.0
        while before != (now := self.cpu_seconds):
            before = now
            time.sleep(0.3)


@contextmanager
def run_site(
    settings: str, environment: dict[str, str], workers: int, threads: int, log: str | None = None
) -> Iterator[Site]:
    """Run the site, or with the settings of the floors those, until the block ends."""
    config = "benchmarks/floor_server.py" if settings == FLOOR_SITE else "gunicorn.conf.py"
    port = find_free_port()
    static = Path(tempfile.mkdtemp())
    (static / "staticfiles.json").write_text('{"version": "1.1", "paths": {}, "hash": ""}')
    env = environment | {
        "DJANGO_SETTINGS_MODULE": settings,
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "GUNICORN_WORKERS": str(workers),
        "GUNICORN_THREADS": str(threads),
        "STATIC_ROOT": str(static),
        "PYTHONPATH": str(BASE_DIR),
    }
    command = [sys.executable, "-m", "gunicorn", "smartfin.wsgi", "--config", config, "--backlog", "512"]
    began_at = time.perf_counter()
    with run(port, *command, env=env, log=log) as process:
        yield Site(port, process, time.perf_counter() - began_at)
    shutil.rmtree(static)
