"""Whether this process can serve: what `/readyz` tells. Names of parts and nothing more: strangers may read it."""

from django.db import DatabaseError, connection

from otp.exceptions import LimitsUnavailable
from otp.verify_api.service import twilio_verify
from otp.volume import Bucket, get_counters

OK, UNAVAILABLE, BREAKER_OPEN = "ok", "unavailable", "breaker_open"


def check_parts() -> dict[str, str]:
    """Try what every code needs. `{"database": "ok", "cache": "unavailable", "twilio": "breaker_open"}`.

    Twilio itself is not asked: the breaker of this process says how its last calls went.
    """
    return {
        "database": _check_database(),
        "cache": _check_cache(),
        "twilio": BREAKER_OPEN if twilio_verify.breaker.opened else OK,
    }


def _check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return UNAVAILABLE
    return OK


def _check_cache() -> str:
    try:
        get_counters().get_level(Bucket("readyz", 1, 60))
    except LimitsUnavailable:
        return UNAVAILABLE
    return OK
