"""A database for one measurement, on the server that DATABASE_URL names."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.servers import BASE_DIR, get_environment

NAME = "smartfin_benchmark"


@contextmanager
def make_database(server_url: str, name: str = NAME) -> Iterator[str]:
    """Make it anew and migrate it; give its address, and drop it afterwards."""
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    identifier = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        server.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        env = get_environment(url, 6379, 1) | {"DJANGO_SETTINGS_MODULE": "benchmarks.site_settings"}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=BASE_DIR, env=env, check=True)  # noqa: S603
        yield url
    finally:
        # Another connection: the server may have been restarted in between.
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))


def use(url: str) -> None:
    """Set Django up in this process on the database of a measurement, or have it use another one from here on."""
    os.environ.update(get_environment(url, 6379, 1), DJANGO_SETTINGS_MODULE="benchmarks.site_settings")  # noqa: TID251
    import django

    django.setup()
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL's
    connection.settings_dict["NAME"] = urlsplit(url).path.lstrip("/")
