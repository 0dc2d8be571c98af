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

OLDER, NEWER = "before", "after"
# Up to here rows are counted; beyond, the database's own estimate does.
COUNTED = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


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
        if goes_back:
            rows = list(_after(self.queryset, _read_place(self.model, self.places[NEWER])).reverse()[: size + 1])
            page, has_more = rows[:size][::-1], len(rows) > size
        else:
            place = self.places.get(OLDER)
            found = _before(self.queryset, _read_place(self.model, place)) if place else self.queryset
            rows = list(found[: size + 1])
            page, has_more = rows[:size], len(rows) > size
        self.has_older = goes_back or has_more
        self.has_newer = has_more if goes_back else OLDER in self.places
        self.result_list = page
        self.result_count = len(page)
        self.full_result_count = self.result_count
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(page, size)

    @property
    def older_query(self) -> str:
        return self._link(OLDER, -1) if self.has_older and self.result_count else ""

    @property
    def newer_query(self) -> str:
        return self._link(NEWER, 0) if self.has_newer and self.result_count else ""

    @property
    def first_query(self) -> str:
        return self.get_query_string()

    @property
    def total(self) -> tuple[int, str] | None:
        """How many rows there are without filters, and how sure that is. None where a filter is on."""
        return None if self.has_active_filters else estimate_count(self.model)

    def _link(self, name: str, index: int) -> str:
        row = self.result_list[index]
        return super().get_query_string({name: _write_place(row)}, [OLDER, NEWER])


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
    """Read all rows of a list in its own order, a page at a time: never more than `size` of them in memory."""
    page = list(queryset[:size])
    while page:
        yield from page
        last = page[-1]
        page = list(_before(queryset, (last.created_at, last.pk))[:size]) if len(page) == size else []


def _before(queryset: QuerySet[Any], place: tuple[datetime, Any]) -> QuerySet[Any]:
    moment, pk = place
    # The first condition is the one that the index takes.
    return queryset.filter(Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(pk__lt=pk)))


def _after(queryset: QuerySet[Any], place: tuple[datetime, Any]) -> QuerySet[Any]:
    moment, pk = place
    return queryset.filter(Q(created_at__gte=moment) & (Q(created_at__gt=moment) | Q(pk__gt=pk)))


def _write_place(row: Any) -> str:
    return f"{(row.created_at - EPOCH) // MICROSECOND}_{row.pk}"


def _read_place(model: type[Model], text: str) -> tuple[datetime, Any]:
    """Read a place back.

    :raises IncorrectLookupParameters: when it is none
    """
    moment, _, pk = text.partition("_")
    try:
        return EPOCH + int(moment) * MICROSECOND, model._meta.pk.to_python(pk)
    except (ValueError, OverflowError, ValidationError) as error:
        raise IncorrectLookupParameters from error
