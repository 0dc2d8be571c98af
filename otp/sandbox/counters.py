"""Fixed windows that start with the first call they count."""

import math
from datetime import datetime, timedelta

from django.db import transaction

from otp.sandbox.errors import ApiError
from otp.sandbox.models import Counter


@transaction.atomic
def count_call(key: str, *, most: int, seconds: int, now: datetime, name: str = "") -> None:
    """Count one call, inside the caller's transaction if there is one: a refused call takes its counts back.

    :raises ApiError: 429/20429 with `Retry-After` when the window is full; `name` says which limit it was.
    """
    Counter.objects.get_or_create(key=key, defaults={"started_at": now})
    counter = Counter.objects.select_for_update().get(key=key)
    ends_at = counter.started_at + timedelta(seconds=seconds)
    if now >= ends_at:
        counter.started_at, counter.count = now, 0
    elif counter.count >= most:
        wait = max(1, math.ceil((ends_at - now).total_seconds()))
        headers = {"Retry-After": str(wait), **({"Twilio-Reached-Rate-Limit": name} if name else {})}
        raise ApiError(20429, headers=headers)
    counter.count += 1
    counter.save(update_fields=["started_at", "count"])
