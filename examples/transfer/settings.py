"""The site with the example in it. Run it: `DJANGO_SETTINGS_MODULE=examples.transfer.settings make run`."""

from smartfin.settings import *  # noqa: F403
from smartfin.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "examples.transfer"]
ROOT_URLCONF = "examples.transfer.site_urls"
