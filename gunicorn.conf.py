"""How gunicorn serves the site: `gunicorn smartfin.wsgi` finds this file by itself. Values come from the settings."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartfin.settings")
# Before anything imports the metrics library: it looks here once, and then keeps what it counts in files that the
# workers can add up.
METRICS_DIR = Path(settings.PROMETHEUS_MULTIPROC_DIR or tempfile.mkdtemp(prefix="smartfin-metrics-"))
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)


def forget_metrics(owner: int) -> None:
    """Take away the directory that this process made, also after a start that failed; never from a worker."""
    if os.getpid() == owner:
        shutil.rmtree(METRICS_DIR, ignore_errors=True)


if not settings.PROMETHEUS_MULTIPROC_DIR:
    atexit.register(forget_metrics, os.getpid())

from smartfin.preload import preload
from smartfin.wsgi import application

assert application

# Code is loaded once, and the workers are copies of this process.
preload_app = True
preload()
bind = settings.GUNICORN_BIND
workers = settings.GUNICORN_WORKERS
# A thread waits while Twilio answers; a process would be 70 MB that waits.
worker_class = "gthread"
threads = settings.GUNICORN_THREADS
# Seconds without a sign of life after which a worker is replaced. Its threads may wait as long as they need to.
timeout = settings.GUNICORN_TIMEOUT
# Seconds that the calls in flight get when the server is told to stop. No call to Twilio takes longer.
graceful_timeout = settings.GUNICORN_GRACEFUL_TIMEOUT
keepalive = 75  # longer than a proxy keeps an idle connection: otherwise it sends into one that was just closed
worker_tmp_dir = settings.GUNICORN_HEARTBEAT_DIR or None
certfile = settings.GUNICORN_CERTFILE or None
keyfile = settings.GUNICORN_KEYFILE or None
# SECURITY: what a client says of https is for Django alone to believe or not (TRUSTED_PROXY_COUNT).
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
errorlog = "-"
# The server's own lines look like those of the site.
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {
        **settings.LOGGING["loggers"],
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
control_socket_disable = True  # stopping and reloading is done by signals; nothing is written beside the site


def on_starting(server: Any) -> None:
    """Say at once what every page would fail of."""
    if not settings.DEBUG and not Path(settings.STATIC_ROOT, "staticfiles.json").exists():
        sys.exit("The static files are not collected. Run: python manage.py collectstatic --noinput")

    METRICS_DIR.mkdir(parents=True, exist_ok=True)
    for path in METRICS_DIR.glob("*.db"):
        path.unlink()  # of a run before this one


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that is gone; what it counted stays in the sums."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(server: Any, worker: Any) -> None:
    """Finish the mail and the messages that were handed in after an answer."""
    from otp.background import wait_until_done

    wait_until_done()
