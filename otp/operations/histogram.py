"""A histogram of milliseconds that can be summed over hours, and quantiles out of it."""

from collections.abc import Mapping
from itertools import pairwise

from django.db.models import Case, IntegerField, Value, When

# Upper bounds in milliseconds, each a fifth above the one before: a quantile is off by a tenth at most. What took
# longer is in one more bucket.
BOUNDS = tuple(round(20 * 1.2**step) for step in range(39))


def bucket_of(field: str) -> Case:
    """Give the SQL that finds the bucket of a number of milliseconds."""
    branches = [When(**{f"{field}__lte": bound}, then=Value(bucket)) for bucket, bound in enumerate(BOUNDS)]
    return Case(*branches, default=Value(len(BOUNDS)), output_field=IntegerField())


def find_quantile(counts: Mapping[int, int], share: float) -> int | None:
    """Find the milliseconds that `share` of all stayed within; None where nothing was counted."""
    wanted = share * sum(counts.values())
    edges = list(pairwise((0, *BOUNDS, BOUNDS[-1])))
    seen = 0
    for bucket in sorted(counts):
        if counts[bucket] and seen + counts[bucket] >= wanted:
            low, high = edges[bucket]
            return round(low + (high - low) * (wanted - seen) / counts[bucket])
        seen += counts[bucket]
    return None
