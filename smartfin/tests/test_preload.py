"""What is loaded before workers fork, seen in a process of its own."""

import json
import subprocess
import sys

from django.conf import settings

PROGRAM = """
import gc, json, socket, sys

def refuse(*args):
    raise OSError("no connection before the workers fork")

socket.socket.connect = refuse
import django
django.setup()
from smartfin.preload import preload
preload()
from django.db import connection
print(json.dumps({
    "is_connected": connection.connection is not None,
    "frozen": gc.get_freeze_count(),
    "modules": sorted(sys.modules),
}))
"""


def test_loads_what_requests_need_and_opens_no_connection():
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=settings.BASE_DIR,
        env={
            "DJANGO_SETTINGS_MODULE": "smartfin.settings_test",
            "PYTHONPATH": str(settings.BASE_DIR),
            "CACHE_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        check=False,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert not found["is_connected"]
    assert found["frozen"] > 100_000
    # The SDK's part for Verify, the views, the pool, the counters, and the plan of a country that sends go to.
    assert {
        "twilio.rest.verify.v2.service",
        "otp.api.viewsets",
        "accounts.views.login",
        "psycopg_pool.pool",
        "otp.volume.redis_counters",
        "phonenumbers.data.region_GB",
    } <= set(found["modules"])
