"""Settings for the tests: the real ones, on values that do not depend on the machine or on anybody's `.env`."""

import os
import tempfile
from urllib.parse import urlsplit

os.environ["ENV_FILES"] = ""
worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if worker and os.environ.get("CACHE_URL", "").startswith("redis:"):
    # Each worker has a Redis database of its own, as it has a database of its own.
    os.environ["CACHE_URL"] = urlsplit(os.environ["CACHE_URL"])._replace(path=f"/{int(worker) + 1}").geturl()
os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
os.environ.setdefault("TWILIO_VERIFY_URL", "sandbox:")
os.environ.setdefault("OTP_BACKGROUND_THREADS", "0")

from smartfin.settings import *  # noqa: E402, F403
from smartfin.settings import DATABASES, INSTALLED_APPS  # noqa: E402

# The worked example is the test bed of payments.
INSTALLED_APPS = [*INSTALLED_APPS, "examples.transfer"]

# Each run has databases of its own, so that two can run side by side. pytest-xdist's workers inherit the name.
run = os.environ.setdefault("SMARTFIN_TEST_RUN", f"smartfin_test_{os.getpid()}")
DATABASES["default"]["TEST"] = {
    # A file: threads cannot share SQLite's memory database without locking each other out.
    "NAME": f"{tempfile.gettempdir()}/{run}.sqlite3" if "sqlite" in DATABASES["default"]["ENGINE"] else run
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
