"""How gunicorn serves the floors: as `gunicorn.conf.py` serves the site, with nothing of the site loaded."""

import gc
from importlib import import_module

from django.conf import settings

from smartfin.wsgi import application

assert application

import_module("benchmarks.floor_views")  # loaded once, as the site's views are
preload_app = True
gc.collect()
gc.freeze()
bind = settings.GUNICORN_BIND
workers = settings.GUNICORN_WORKERS
worker_class = "gthread"
threads = settings.GUNICORN_THREADS
keepalive = 75
