"""What the kernel, PostgreSQL and Redis say of a running site: memory, open files, threads and connections."""

import statistics
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from benchmarks.servers import Site, read_megabytes

CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
"""
ESTABLISHED, LISTENING = "01", "0A"
NAMES = ("megabytes", "files", "connections", "clients", "others", "threads", "postgres", "redis", "twilio")


@dataclass(frozen=True)
class Worker:
    """One process: its open files are connections to what it stands on, to those who call it, and others."""

    megabytes: float
    files: int
    threads: int
    connections: int
    clients: int
    others: int


@dataclass(frozen=True)
class Sample:
    """One look. Connections are those of all workers together, None where the server was away."""

    at: float  # Unix time
    workers: dict[int, Worker]
    postgres: int | None
    redis: int | None
    twilio: int

    def get(self, name: str) -> float | None:
        """Give a figure by its name; that of one worker is the mean of all."""
        if name in ("postgres", "redis", "twilio"):
            return getattr(self, name)
        values = [getattr(worker, name) for worker in self.workers.values()]
        return statistics.mean(values) if values else None


@dataclass
class Sampler:
    """Looks when told to, and keeps what it saw."""

    site: Site
    database_url: str
    redis_port: int
    twilio_port: int
    samples: list[Sample] = field(default_factory=list)

    def look(self) -> Sample:
        workers = {}
        sockets = read_sockets()
        for pid in self.site.pids[1:]:
            with suppress(OSError):  # it was killed just now
                workers[pid] = look_at_worker(pid, self.site.port, sockets)
        sample = Sample(
            time.time(), workers, self.count_in_postgres(), self.count_in_redis(), count_connections(self.twilio_port)
        )
        self.samples.append(sample)
        return sample

    def count_in_postgres(self) -> int | None:
        try:
            with psycopg.connect(self.database_url, connect_timeout=2) as database:
                row = database.execute(CONNECTIONS).fetchone()
        except psycopg.OperationalError:
            return None
        return int(row[0]) if row else None

    def count_in_redis(self) -> int | None:
        try:
            with redis.Redis(port=self.redis_port, socket_timeout=2) as client:
                return int(client.info("clients")["connected_clients"]) - 1
        except redis.RedisError:
            return None


@dataclass(frozen=True)
class Socket:
    local_port: int
    remote_port: int
    state: str


def read_sockets() -> dict[str, Socket]:
    """Read the TCP sockets of this machine, by what an open file that is one of them is called."""
    sockets = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        sockets[f"socket:[{fields[9]}]"] = Socket(local, remote, fields[3])
    return sockets


def look_at_worker(pid: int, port: int, sockets: dict[str, Socket]) -> Worker:
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    files = []
    for path in (folder / "fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed just now
            files.append(str(path.readlink()))
    listed = [sockets[name] for name in files if name in sockets]
    clients = sum(socket.local_port == port and socket.state != LISTENING for socket in listed)
    listening = sum(socket.state == LISTENING for socket in listed)
    # One that the other side has cut is not listed any more; a pool finds that out when it wants to use it.
    connections = sum(name.startswith("socket:") for name in files) - clients - listening
    # The metrics library opens a file when it first counts something of a kind.
    others = sum(not name.startswith("socket:") and not name.endswith(".db") for name in files)
    return Worker(read_megabytes(pid), len(files), int(status["Threads"]), connections, clients, others)


def count_connections(port: int) -> int:
    """Count the connections that stand to a port of this machine."""
    return sum(socket.remote_port == port and socket.state == ESTABLISHED for socket in read_sockets().values())


def take_between(samples: list[Sample], began_at: float, ended_at: float) -> list[Sample]:
    return [sample for sample in samples if began_at <= sample.at <= ended_at]


def find_median(samples: list[Sample], name: str) -> float:
    values = [value for sample in samples if (value := sample.get(name)) is not None]
    return statistics.median(values) if values else 0.0


def find_most(samples: list[Sample], name: str) -> float:
    return max((value for sample in samples if (value := sample.get(name)) is not None), default=0.0)


def get_megabytes(samples: list[Sample], pid: int) -> list[tuple[float, float]]:
    """Give time and memory of one worker, wherever it was there."""
    return [(sample.at, sample.workers[pid].megabytes) for sample in samples if pid in sample.workers]


def find_slope(points: list[tuple[float, float]]) -> float:
    """Give how much memory grows, in megabytes an hour."""
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope * 3600
