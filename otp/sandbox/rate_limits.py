"""Service Rate Limits and their buckets, and counting a send against them."""

import hashlib
import re

from django.db import transaction

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.counters import count_call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.models import Bucket, RateLimit, Service
from otp.sandbox.paging import page_reply
from otp.sandbox.replies import Reply, empty_reply, json_reply
from otp.sandbox.services import get_service
from otp.sandbox.sids import new_sid

MAX_RATE_LIMITS = 100
MAX_BUCKETS = 100
LARGEST = 10**9 - 1


def count_send(call: Call, service: Service) -> None:
    """Count this send in every bucket of the limits it names, inside the caller's transaction.

    :raises ApiError: 429/20429 when one is full, 400/60200 for a limit the Service does not have.
    """
    for name, value in call.json_object("RateLimits").items():
        limit = RateLimit.objects.filter(service=service, unique_name=name).first()
        if limit is None:
            raise InvalidParameter("RateLimits")
        digest = hashlib.sha256(value.encode()).hexdigest()
        for bucket in limit.buckets.order_by("pk"):
            key = f"{bucket.sid}:{digest}"
            count_call(key, most=bucket.max, seconds=bucket.interval, now=call.now, name=name)


def list_all(call: Call, service_sid: str) -> Reply:
    limits = RateLimit.objects.filter(service=get_service(call, service_sid)).select_related("service")
    return page_reply(call, "rate_limits", limits, "RK", lambda limit: rendering.rate_limit(call, limit))


@transaction.atomic
def create(call: Call, service_sid: str) -> Reply:
    service = get_service(call, service_sid, locked=True)
    name = call.text("UniqueName", longest=64, required=True)
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ApiError(60209)
    if service.rate_limits.filter(unique_name=name).exists():
        raise ApiError(60208)
    if service.rate_limits.count() >= MAX_RATE_LIMITS:
        raise ApiError(60207)
    limit = RateLimit.objects.create(
        sid=new_sid("RK"),
        service=service,
        unique_name=name,
        description=call.text("Description", longest=255),
        created_at=call.now,
        updated_at=call.now,
    )
    return json_reply(201, rendering.rate_limit(call, limit))


def fetch(call: Call, service_sid: str, limit_sid: str) -> Reply:
    return json_reply(200, rendering.rate_limit(call, _get_limit(call, service_sid, limit_sid)))


@transaction.atomic
def update(call: Call, service_sid: str, limit_sid: str) -> Reply:
    limit = _get_limit(call, service_sid, limit_sid)
    if "Description" in call.params:
        limit.description = call.text("Description", longest=255)
    limit.updated_at = call.now
    limit.save(update_fields=["description", "updated_at"])
    return json_reply(200, rendering.rate_limit(call, limit))


@transaction.atomic
def delete(call: Call, service_sid: str, limit_sid: str) -> Reply:
    _get_limit(call, service_sid, limit_sid).delete()
    return empty_reply()


def list_buckets(call: Call, service_sid: str, limit_sid: str) -> Reply:
    limit = _get_limit(call, service_sid, limit_sid)
    buckets = Bucket.objects.filter(rate_limit=limit).select_related("rate_limit__service")
    return page_reply(call, "buckets", buckets, "BL", lambda bucket: rendering.bucket(call, bucket))


@transaction.atomic
def create_bucket(call: Call, service_sid: str, limit_sid: str) -> Reply:
    get_service(call, service_sid, locked=True)
    limit = _get_limit(call, service_sid, limit_sid)
    most, interval = call.number("Max", 1, LARGEST), call.number("Interval", 1, LARGEST)
    _raise_if_interval_taken(limit, interval)
    if limit.buckets.count() >= MAX_BUCKETS:
        raise ApiError(60210)
    bucket = Bucket.objects.create(
        sid=new_sid("BL"),
        rate_limit=limit,
        max=most,
        interval=interval,
        created_at=call.now,
        updated_at=call.now,
    )
    return json_reply(201, rendering.bucket(call, bucket))


def fetch_bucket(call: Call, service_sid: str, limit_sid: str, bucket_sid: str) -> Reply:
    return json_reply(200, rendering.bucket(call, _get_bucket(call, service_sid, limit_sid, bucket_sid)))


@transaction.atomic
def update_bucket(call: Call, service_sid: str, limit_sid: str, bucket_sid: str) -> Reply:
    get_service(call, service_sid, locked=True)
    bucket = _get_bucket(call, service_sid, limit_sid, bucket_sid)
    bucket.max = call.number("Max", 1, LARGEST, default=bucket.max)
    interval = call.number("Interval", 1, LARGEST, default=bucket.interval)
    if interval != bucket.interval:
        _raise_if_interval_taken(bucket.rate_limit, interval)
    bucket.interval, bucket.updated_at = interval, call.now
    bucket.save(update_fields=["max", "interval", "updated_at"])
    return json_reply(200, rendering.bucket(call, bucket))


@transaction.atomic
def delete_bucket(call: Call, service_sid: str, limit_sid: str, bucket_sid: str) -> Reply:
    _get_bucket(call, service_sid, limit_sid, bucket_sid).delete()
    return empty_reply()


def _get_limit(call: Call, service_sid: str, limit_sid: str) -> RateLimit:
    limits = RateLimit.objects.filter(service=get_service(call, service_sid), sid=limit_sid)
    limit = limits.select_related("service").first()
    if limit is None:
        raise call.missing()
    return limit


def _get_bucket(call: Call, service_sid: str, limit_sid: str, bucket_sid: str) -> Bucket:
    limit = _get_limit(call, service_sid, limit_sid)
    bucket = limit.buckets.select_related("rate_limit__service").filter(sid=bucket_sid).first()
    if bucket is None:
        raise call.missing()
    return bucket


def _raise_if_interval_taken(limit: RateLimit, interval: int) -> None:
    if limit.buckets.filter(interval=interval).exists():
        raise ApiError(60211)
