"""`manage.py migrate` on a database that has nothing yet, as everybody runs it first."""

import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from smartfin.tests.test_serving import get_environment


@pytest.fixture
def fresh_url(db, tmp_path):
    if connection.vendor != "postgresql":
        yield f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
        return
    url = get_environment()["DATABASE_URL"]
    name = f"{connection.settings_dict['NAME']}_fresh"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield url.rpartition("/")[0] + f"/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_says_nothing_and_leaves_nothing_to_do(fresh_url):
    env = get_environment(DATABASE_URL=fresh_url)

    def manage(*command):
        run = [sys.executable, "-W", "error", "manage.py", *command]
        return subprocess.run(run, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)

    migrated = manage("migrate", "--verbosity", "0")

    assert (migrated.returncode, migrated.stdout, migrated.stderr) == (0, "", "")
    assert manage("migrate", "--check").returncode == 0
