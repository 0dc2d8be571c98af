"""Paging a list by the place of its last row, and guessing how long it is: both as fast with five million rows as with
ten. OFFSET and COUNT read everything that they skip.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from otp.transactions import release_connection

OLDER, NEWER = "before", "after"
# Of several filters at once no index leaves just what they leave together. So many rows of each are looked at for one
# page; a page that is not full then says so, and leads on from there.
LOOK = 1000
# Up to here rows are counted; beyond, the database's own estimate does.
COUNTED = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Of a row in a list: its time and its primary key.
Place = tuple[datetime, Any]


class KeysetChangeList(ChangeList):
    """A list by `created_at` and primary key, newest first."""

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        self.places = {name: found.pop(name)[-1] for name in (OLDER, NEWER) if name in found}
        return found

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        # Another filter begins at its first page.
        return super().get_query_string(new_params, [*(remove or []), OLDER, NEWER])

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and one row more to know whether another follows."""
        size = self.list_per_page
        goes_back = NEWER in self.places and OLDER not in self.places
        found = self._turn(self.queryset, goes_back)
        edge = self._find_edge(request, goes_back)
        rows = list((_until(found, edge, goes_back) if edge else found)[: size + 1])
        has_more = len(rows) > size
        page = rows[:size][::-1] if goes_back else rows[:size]
        self.stopped_at = None if has_more else edge
        goes_on = has_more or self.stopped_at is not None
        self.has_older = goes_back or goes_on
        self.has_newer = goes_on if goes_back else OLDER in self.places
        self.ends = {OLDER: page[-1], NEWER: page[0]} if page else {}
        self.result_list = page
        self.result_count = len(page)
        self.full_result_count = self.result_count
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(page, size)

    def _turn(self, queryset: QuerySet[Any], goes_back: bool) -> QuerySet[Any]:
        """Leave what lies beyond the page that was shown last, the nearest first."""
        if goes_back:
            return _after(queryset, _read_place(self.model, self.places[NEWER])).reverse()
        place = self.places.get(OLDER)
        return _before(queryset, _read_place(self.model, place)) if place else queryset

    def _find_edge(self, request: HttpRequest, goes_back: bool) -> Place | None:
        """Find how far to look under several filters: `LOOK` rows of the one that leaves fewest; None for to the end.

        A span of time is no filter here: every index ends with it.
        """
        active = [spec for spec in self.filter_specs if self.filter_params.keys() & set(spec.expected_parameters())]
        spans = [spec for spec in active if getattr(spec, "is_span", False)]
        others = [spec for spec in active if spec not in spans]
        if len(others) < 2:
            return None
        edges = []
        for other in others:
            rows = self.root_queryset.order_by(*self.get_ordering(request, self.root_queryset))
            for spec in (*spans, other):
                narrowed = spec.queryset(request, rows)
                rows = rows if narrowed is None else narrowed
            place = self._turn(rows, goes_back).values_list("created_at", "pk")[LOOK - 1 : LOOK].first()
            if place is None:
                return None
            edges.append(place)
        return max(edges) if goes_back else min(edges)

    @property
    def older_query(self) -> str:
        return self._link(OLDER) if self.has_older else ""

    @property
    def newer_query(self) -> str:
        return self._link(NEWER) if self.has_newer else ""

    @property
    def first_query(self) -> str:
        return self.get_query_string()

    @property
    def total(self) -> tuple[int, str] | None:
        """How many rows there are without filters, and how sure that is. None where a filter is on."""
        return None if self.has_active_filters else estimate_count(self.model)

    def _link(self, name: str) -> str:
        goes_back = NEWER in self.places and OLDER not in self.places
        if self.stopped_at and goes_back == (name == NEWER):
            place = _write_place(*self.stopped_at)
        elif row := self.ends.get(name):
            place = _write_place(row.created_at, row.pk)
        else:
            # Nothing here: back to where this page began, the row there among what is shown.
            moment, pk = _read_place(self.model, self.places[NEWER if name == OLDER else OLDER])
            place = _write_place(moment + (MICROSECOND if name == OLDER else -MICROSECOND), pk)
        return super().get_query_string({name: place}, [OLDER, NEWER])


def estimate_count(model: type[Model]) -> tuple[int, str]:
    """Say how many rows a table has: `exact`, `about` so many, or `more` than that."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
            (guess,) = cursor.fetchone()
        if guess > COUNTED:
            return round(guess), "about"
    count = model._default_manager.order_by()[: COUNTED + 1].count()
    return (count, "exact") if count <= COUNTED else (COUNTED, "more")


def iterate(queryset: QuerySet[Any], size: int) -> Any:
    """Read all rows of a list in its own order, a page at a time: never more than `size` of them in memory.

    The connection is handed back meanwhile: whoever takes the rows may take an hour.
    """
    page = list(queryset[:size])
    while page:
        release_connection()
        yield from page
        last = page[-1]
        page = list(_before(queryset, (last.created_at, last.pk))[:size]) if len(page) == size else []


def _before(queryset: QuerySet[Any], place: Place) -> QuerySet[Any]:
    moment, pk = place
    # The first condition is the one that the index takes.
    return queryset.filter(Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(pk__lt=pk)))


def _after(queryset: QuerySet[Any], place: Place) -> QuerySet[Any]:
    moment, pk = place
    return queryset.filter(Q(created_at__gte=moment) & (Q(created_at__gt=moment) | Q(pk__gt=pk)))


def _until(queryset: QuerySet[Any], place: Place, goes_back: bool) -> QuerySet[Any]:
    """Leave the rows up to that place, it included."""
    moment, pk = place
    if goes_back:
        return queryset.filter(Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(pk__lte=pk)))
    return queryset.filter(Q(created_at__gte=moment) & (Q(created_at__gt=moment) | Q(pk__gte=pk)))


def _write_place(moment: datetime, pk: Any) -> str:
    return f"{(moment - EPOCH) // MICROSECOND}_{pk}"


def _read_place(model: type[Model], text: str) -> Place:
    """Read a place back.

    :raises IncorrectLookupParameters: when it is none
    """
    moment, _, pk = text.partition("_")
    try:
        return EPOCH + int(moment) * MICROSECOND, model._meta.pk.to_python(pk)
    except (ValueError, OverflowError, ValidationError) as error:
        raise IncorrectLookupParameters from error
