"""Statements that are put together once, for what every send and every check asks the database.

Django builds the SQL of a queryset anew for each use. For the ledger's few statements that was half of what a send cost
in CPU (docs/explanation/performance.md), so those are built once in a process, with gaps for the values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Model, QuerySet
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.transaction import mark_for_rollback_on_error

Row = TypeVar("Row", bound=Model)


class Given(Expression):
    """A gap in a statement: the value that is given under this name when it is used."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


def given_each(name: str, count: int) -> list[Given]:
    """Give the gaps for a list of so many values, which is given under one name."""
    return [Given(f"{name}.{place}") for place in range(count)]


@dataclass(frozen=True)
class Statement:
    """One statement with its values. `take` makes of the cursor what `run` gives."""

    sql: str
    values: Sequence[Any]
    take: Callable[[Any], Any]


def run(statement: Statement) -> Any:
    """Run one statement.

    :raises django.db.IntegrityError: when the database refuses it
    """
    database = connections[DEFAULT_DB_ALIAS]  # `connection` looks for it anew at each use
    with mark_for_rollback_on_error(database.alias), database.cursor() as cursor:
        cursor.execute(statement.sql, statement.values)
        return statement.take(cursor)


def run_together(*statements: Statement) -> list[Any]:
    """Run statements one after the other, together where the database can. Gives what `run` would give for each.

    PostgreSQL takes them in one text: one wait instead of one for each, one write of its log, and all of them or none.
    Elsewhere a process that dies in between leaves those before: whoever calls must hold up with that.

    :raises django.db.IntegrityError: when the database refuses one of them
    """
    database = connections[DEFAULT_DB_ALIAS]
    features: Any = database.features
    if database.vendor != "postgresql" or features.uses_server_side_binding:
        return [run(statement) for statement in statements]
    results: list[Any] = []
    with mark_for_rollback_on_error(database.alias), database.cursor() as cursor:
        cursor.execute(
            "; ".join(statement.sql for statement in statements),
            [value for statement in statements for value in statement.values],
        )
        for statement in statements:
            if results:
                cursor.nextset()
            results.append(statement.take(cursor))
    return results


@dataclass(frozen=True)
class Compiled(Generic[Row]):
    """The SQL of a statement, with `Given` among its `parts`, and how a row that it gives becomes one of the model."""

    compiler: Any
    sql: str
    parts: tuple[Any, ...]
    converters: Any = None
    model: type[Row] | None = None
    columns: Sequence[str] = ()

    def read(self, row: Any) -> Row:
        assert self.model
        found = self.model.from_db(connection.alias, self.columns, row[: len(self.columns)])
        for name, place in self.compiler.annotation_col_map.items():
            setattr(found, name, row[place])
        return found


class Prepared(Generic[Row]):
    """One SELECT of rows, or with `changes` one UPDATE.

    `make` gives the queryset, with `Given` where values come from outside. A value that is compared must not be None:
    the SQL says `=`, never `IS NULL`.
    """

    def __init__(self, make: Callable[[], QuerySet[Row]], **changes: Any) -> None:
        self._make = make
        self._changes = changes

    def find(self, **given: Any) -> list[Row]:
        """Give the rows. Each value of a list goes to a gap of its own, see `given_each`."""
        rows: list[Row] = run(self.fill(**given))
        return rows

    def update(self, **given: Any) -> int:
        """Make the changes; gives the number of rows that were changed."""
        count: int = run(self.fill(**given))
        return count

    def fill(self, **given: Any) -> Statement:
        """Give the statement with these values, for `run_together`: it gives what `find` or `update` would."""
        return Statement(*self._fill(given), self._count if self._changes else self._read)

    @cached_property
    def _compiled(self) -> "Compiled[Row]":
        query = self._make().query
        if self._changes:
            query = query.chain(UpdateQuery)
            query.add_update_values(self._changes)  # type: ignore[attr-defined]  # an UpdateQuery now
        compiler: Any = query.get_compiler(connection=connection)
        sql, parts = compiler.as_sql()
        if self._changes:
            return Compiled(compiler, sql, parts)
        info = compiler.klass_info
        return Compiled(
            compiler,
            sql,
            parts,
            compiler.get_converters([expression for expression, *_ in compiler.select]),
            info["model"],
            [compiler.select[place][0].target.attname for place in info["select_fields"]],
        )

    def _read(self, cursor: Any) -> list[Row]:
        compiled = self._compiled
        rows: Any = cursor.fetchall()
        if compiled.converters:
            rows = compiled.compiler.apply_converters(rows, compiled.converters)
        return [compiled.read(row) for row in rows]

    def _count(self, cursor: Any) -> int:
        count: int = cursor.rowcount
        return count

    def _fill(self, given: dict[str, Any]) -> tuple[str, list[Any]]:
        database = connections[DEFAULT_DB_ALIAS]
        values: dict[str, Any] = {}
        for name, value in given.items():
            if isinstance(value, list):
                values.update((f"{name}.{place}", _adapt(one, database)) for place, one in enumerate(value))
            else:
                values[name] = _adapt(value, database)
        parts = self._compiled.parts
        return self._compiled.sql, [values[part.name] if isinstance(part, Given) else part for part in parts]


def insert(row: Model) -> None:
    """Write a new row, as `save(force_insert=True)` does for a model without parents, signals or files.

    :raises django.db.IntegrityError: when the database refuses it
    """
    run(fill_insert(row))


def fill_insert(row: Model) -> Statement:
    """Give the statement that `insert` runs, for `run_together`."""
    sql, fields, key = _prepare_insert(type(row))
    database = connections[DEFAULT_DB_ALIAS]

    def take(cursor: Any) -> None:
        if key:
            setattr(row, key, cursor.fetchone()[0])
        row._state.adding, row._state.db = False, database.alias

    return Statement(sql, [field.get_db_prep_save(field.pre_save(row, add=True), database) for field in fields], take)


@cache
def _prepare_insert(model: type[Model]) -> tuple[str, list[Any], str]:
    """Give the SQL, the fields it takes, and the name of the key that the database makes, '' where we make it."""
    key: Any = model._meta.pk
    is_made_there = key is model._meta.auto_field
    fields = [field for field in model._meta.local_concrete_fields if not (is_made_there and field is key)]
    query = InsertQuery(model)
    query.insert_values(fields, [model(**{field.attname: Given(field.attname) for field in fields})])
    compiler: Any = query.get_compiler(connection=connection)
    compiler.returning_fields = [key] if is_made_there else []
    [(sql, _)] = compiler.as_sql()
    return sql, fields, key.attname if is_made_there else ""


def _adapt(value: Any, database: BaseDatabaseWrapper) -> Any:
    """Give a value as this database's driver takes it."""
    if isinstance(value, UUID):
        return value if database.features.has_native_uuid_field else value.hex
    return database.ops.adapt_unknown_value(value)
