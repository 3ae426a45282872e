"""Statements that are compiled once and then run by the database's driver.

For the few that run for every hand-off. SQLAlchemy's own way asks its caches, its events
and its result rows about each execution, which costs the processor more than the row does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    FromClause,
    Select,
    Text,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from digest.store.dialect import is_postgresql

Row = tuple[Any, ...]
_ROWS = "rows"
_INSTANTS = 256
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in one database's words.

    `given` are the parameters whose values the statement brings along; `names` say in
    which order SQLite takes them, None where they go by name.
    """

    sql: str
    given: Mapping[str, Any]
    converts: Mapping[str, _Convert]
    names: Sequence[str] | None

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        ready = {**self.given, **values}
        for name in self.converts.keys() & values.keys():
            ready[name] = self.converts[name](values[name])
        return ready if self.names is None else [ready[name] for name in self.names]


class Prepared:
    """One statement, the same for both databases or made for one of them.

    Args:
        statement: Its parameters are all named, and none is of the expanding kind.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, tx: Session, **values: Any) -> list[Row]:
        """Run it; return its rows as the driver reads them."""
        rows: list[Row] = self._run(tx, values).fetchall()
        return rows

    def changed(self, tx: Session, **values: Any) -> int:
        """Run it; return how many rows it changed."""
        changed: int = self._run(tx, values).rowcount
        return changed

    def _run(self, tx: Session, values: Mapping[str, Any]) -> Any:
        dialect = tx.get_bind().dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        driver: Any = tx.connection().connection.driver_connection
        return driver.execute(compiled.sql, compiled.parameters(values))


class Columns:
    """Reads the rows of a driver as these columns' types have it.

    Args:
        columns: In the order of the rows' values.
    """

    def __init__(self, columns: Iterable[ColumnElement[Any]]) -> None:
        self._columns = tuple(columns)
        self._names = tuple(str(one.key) for one in self._columns)
        self._converts: dict[str, tuple[tuple[str, _Convert], ...]] = {}

    def read(self, rows: Iterable[Row], dialect: Dialect) -> Iterator[dict[str, Any]]:
        """Give each row by the names of the columns."""
        converts = self._converts.get(dialect.name)
        if converts is None:
            converts = self._converts[dialect.name] = tuple(self._made_for(dialect))
        for row in rows:
            read = dict(zip(self._names, row, strict=True))
            for name, convert in converts:
                read[name] = convert(read[name])
            yield read

    def _made_for(self, dialect: Dialect) -> Iterator[tuple[str, _Convert]]:
        for name, one in zip(self._names, self._columns, strict=True):
            convert = one.type.dialect_impl(dialect).result_processor(dialect, None)
            if convert is not None:
                # Rows that are read together mostly have their instants in common.
                is_shared = isinstance(getattr(one.type, "impl", one.type), DateTime)
                yield name, lru_cache(_INSTANTS)(convert) if is_shared else convert


def rows_given(
    name: str, columns: Mapping[str, type[TypeEngine[Any]]]
) -> tuple[FromClause, FromClause]:
    """Return a table of values that come with each execution: for PostgreSQL, for SQLite.

    One statement for many rows: the interpreter lock changes hands at each.
    `as_rows` makes the parameters.
    """
    arrays = [bindparam(one, type_=ARRAY(kind)) for one, kind in columns.items()]
    unnested = func.unnest(*arrays).table_valued(*(column(*one) for one in columns.items()))
    each = func.json_each(bindparam(_ROWS, type_=Text)).table_valued("value")
    cells = [
        func.json_extract(each.c.value, f"$[{place}]", type_=kind).label(one)
        for place, (one, kind) in enumerate(columns.items())
    ]
    return unnested.render_derived(name), select(*cells).select_from(each).subquery(name)


def as_rows(rows: Sequence[Row], names: Sequence[str], *, on_postgresql: bool) -> dict[str, Any]:
    """Return rows as the parameters of a statement that uses `rows_given`."""
    if on_postgresql:
        return {one: [row[place] for row in rows] for place, one in enumerate(names)}
    return {_ROWS: json.dumps(rows)}


class PreparedByIds:
    """A statement about some ids, however many there are.

    Args:
        about: Makes it of a subquery that gives the ids.
    """

    def __init__(self, about: Callable[[Select[Any]], ClauseElement]) -> None:
        self._on_postgresql, self._on_sqlite = (
            Prepared(about(select(given.c.id))) for given in rows_given("given", {"id": BigInteger})
        )

    def rows(self, tx: Session, ids: Iterable[int]) -> list[Row]:
        """Run it; return its rows as the driver reads them."""
        on_postgresql = is_postgresql(tx)
        prepared = self._on_postgresql if on_postgresql else self._on_sqlite
        given = as_rows([(one,) for one in ids], ("id",), on_postgresql=on_postgresql)
        return prepared.rows(tx, **given)


def _compile(statement: ClauseElement, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    converts = {
        name: convert
        for name, bind in compiled.binds.items()
        if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    return _Compiled(
        sql=str(compiled),
        given={
            name: converts[name](value) if name in converts and value is not None else value
            for name, value in compiled.params.items()
        },
        converts=converts,
        names=compiled.positiontup if dialect.positional else None,
    )
