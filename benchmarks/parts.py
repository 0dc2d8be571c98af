"""The parts of a site that a measurement breaks: what runs them, stops them and starts them again."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.servers import Site, find_free_port


@contextmanager
def run_postgres(folder: Path) -> Iterator[tuple[str, Callable[..., None]]]:
    """Run a PostgreSQL of its own; give its address, and what makes `pg_ctl` do something with it."""
    folder.chmod(0o755)
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1].parent
    data, port = folder / "postgres", find_free_port()
    data.mkdir()

    def command(*arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        prefix = ["su", "postgres", "-s", "/bin/sh", "-c", '"$0" "$@"', "--"] if os.getuid() == 0 else []
        subprocess.run([*prefix, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603

    def control(*arguments: str) -> None:
        options = f"-p {port} -h 127.0.0.1 -k {data} -c fsync=off"
        command(str(programs / "pg_ctl"), "-D", str(data), "-l", str(data / "log"), "-w", "-o", options, *arguments)

    if os.getuid() == 0:
        subprocess.run(["chown", "postgres", str(data)], check=True)  # noqa: S603, S607
    command(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust")
    control("start")
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres", control
    finally:
        with suppress(subprocess.CalledProcessError):
            control("-m", "immediate", "stop")


@dataclass
class Redis:
    """A Redis that can be stopped and started on the same port."""

    port: int = field(default_factory=find_free_port)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.time()
        command = ["redis-server", "--port", str(self.port), "--save", "", "--loglevel", "warning"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603

    def stop(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()


@dataclass
class Fault:
    """Something that breaks, and how it is mended."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object] = lambda: None
    seconds: float = 5
    people: int = 16
    closes_connections: bool = False
    cuts_database: bool = False


def kill_a_worker(site: Site) -> None:
    """Kill the youngest: the oldest one lives as long as the site."""
    os.kill(site.pids[-1], signal.SIGKILL)


def find_child(name: str) -> int:
    """Find the process that this one has started for one of our modules.

    :raises LookupError: when there is none
    """
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in path.read_text().split():
            with suppress(OSError):
                if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
    raise LookupError(name)
