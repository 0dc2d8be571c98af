"""What is counted for Prometheus. Written by the audit and by whoever calls Twilio; read at `/metrics`.

SECURITY: a label has few values, all of them ours: never an address, a number or anything a client can make up. Each
name here is what alert rules and dashboards go by (docs/operations/); a test compares them.
"""

import time

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from otp.models.attempt import Kind, VerificationAttempt
from otp.verify_api.errors import CHECK_ERRORS, MESSAGE_ERRORS, SEND_ERRORS

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each, which several processes could not add up anyway
KNOWN_ERRORS = {*CHECK_ERRORS, *MESSAGE_ERRORS, *SEND_ERRORS}
SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)

SENDS = Counter("otp_sends", "Codes asked for, by what became of them.", ["purpose", "channel", "outcome"])
CHECKS = Counter("otp_checks", "Codes tried, by what became of them.", ["purpose", "channel", "outcome"])
NOTICES = Counter("otp_notices", "Text messages without a code, by what became of them.", ["outcome"])
COUNTERS = {Kind.SEND: SENDS, Kind.CHECK: CHECKS}
REFUSALS = Counter("otp_refusals", "Sends and checks refused without asking Twilio, by limit or rule.", ["limit"])
GUARD = Counter("otp_guard_exceeded", "Sends that broke a rule of the pumping guard, refused or not.", ["rule"])
TWILIO_SECONDS = Histogram("otp_twilio_seconds", "How long Twilio took to answer.", ["kind"], buckets=SECONDS)
TWILIO_ERRORS = Counter("otp_twilio_errors", "Errors by Twilio's code; those no table knows are 'other'.", ["code"])
# The latest of all processes: each has a breaker of its own, and a process that is gone must not keep it open.
BREAKER_OPEN_UNTIL = Gauge(
    "otp_breaker_open_until_timestamp_seconds",
    "Until when calls are refused after outages in a row, as Unix time; 0 when that has never happened.",
    ["api"],
    multiprocess_mode="max",
)
HTTP_REQUESTS = Counter("smartfin_http_requests", "Requests answered.", ["view", "method", "status"])
HTTP_SECONDS = Histogram("smartfin_http_seconds", "How long requests took.", ["view"], buckets=SECONDS)


def note_attempt(attempt: VerificationAttempt) -> None:
    """Count an attempt once it is known what became of it."""
    if attempt.kind in COUNTERS:
        labels = (attempt.purpose or "unknown", attempt.channel or "unknown", attempt.outcome)
        COUNTERS[Kind(attempt.kind)].labels(*labels).inc()
    else:
        NOTICES.labels(attempt.outcome).inc()
    if attempt.reason:
        REFUSALS.labels(attempt.reason).inc()
    elif attempt.duration_ms is not None:
        TWILIO_SECONDS.labels(attempt.kind).observe(attempt.duration_ms / 1000)
    for rule in filter(None, attempt.guard.split(",")):
        GUARD.labels(rule).inc()
    if attempt.provider_code:
        code = str(attempt.provider_code) if attempt.provider_code in KNOWN_ERRORS else "other"
        TWILIO_ERRORS.labels(code).inc()


def note_breaker(api: str, seconds: int) -> None:
    """Note that a breaker has opened, for this many seconds."""
    BREAKER_OPEN_UNTIL.labels(api).set(time.time() + seconds)
