"""Fixtures for tests that look at a production site."""

import subprocess
import sys
from os import environ

import pytest
from django.conf import settings


@pytest.fixture(scope="session")
def static_root(tmp_path_factory):
    """Where the files lie that pages of a production site load."""
    root = tmp_path_factory.mktemp("static")
    env = {"PATH": environ["PATH"], "STATIC_ROOT": str(root)}
    command = ["bin/with-production-values", sys.executable, "manage.py", "collectstatic", "--noinput"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=True, capture_output=True)
    return root
