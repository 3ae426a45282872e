"""The engine broken on purpose, to see that the oracle can fail.

Each way is plain SQL at a commit, at the begin of a run, or a trigger: it breaks what
the engine does, however the engine does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import text
from sqlmodel import Session

from digest.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One way: statements before each commit, before each run, and once for the database."""

    at_commit: tuple[str, ...] = ()
    before_run: tuple[str, ...] = ()
    on_sqlite: tuple[str, ...] = ()
    on_postgresql: tuple[str, ...] = ()


_IGNORE_DELETE = Break(
    on_sqlite=(
        "CREATE TRIGGER kept BEFORE DELETE ON delivery_paper BEGIN SELECT RAISE(IGNORE); END",
    ),
    on_postgresql=(
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER kept BEFORE DELETE ON delivery_paper FOR EACH ROW EXECUTE FUNCTION kept()",
    ),
)
_IGNORE_LEAVING = Break(
    on_sqlite=(
        "CREATE TRIGGER stay BEFORE UPDATE OF state ON subscriber BEGIN SELECT RAISE(IGNORE); END",
    ),
    on_postgresql=(
        (
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN NEW.state := OLD.state; RETURN NEW; END'"
        ),
        "CREATE TRIGGER stay BEFORE UPDATE ON subscriber FOR EACH ROW EXECUTE FUNCTION stay()",
    ),
)

BREAKS: Mapping[str, Break] = MappingProxyType(
    {
        "the intent is not committed before DATA": Break(
            at_commit=("UPDATE delivery SET state = 'claimed' WHERE state = 'sending'",)
        ),
        "an expired hand-off is ready again": Break(
            before_run=(
                (
                    "UPDATE delivery SET state = 'ready', next_attempt_at = prepared_at"
                    " WHERE state = 'sending'"
                ),
            )
        ),
        "unknown deliveries are resent though the policy is hold": Break(
            before_run=(
                (
                    "UPDATE delivery SET state = 'ready', next_attempt_at = prepared_at"
                    " WHERE state = 'unknown'"
                ),
            )
        ),
        "a resent mail has another Message-ID": Break(
            at_commit=(
                (
                    "UPDATE delivery SET message_id = '<again-' || id || '@example.org>'"
                    " WHERE state = 'ready' AND attempts > 0"
                ),
            )
        ),
        "a resent mail has another Date": Break(
            at_commit=(
                (
                    "UPDATE delivery SET message_date_at = '2026-02-09 09:09:09.000000'"
                    " WHERE state = 'ready' AND attempts > 0"
                ),
            )
        ),
        "papers of a refused digest are not given back": _IGNORE_DELETE,
        "what was sent is forgotten": Break(
            at_commit=(
                (
                    "DELETE FROM delivery_paper WHERE delivery_id IN"
                    " (SELECT id FROM delivery WHERE state = 'sent')"
                ),
            )
        ),
        "a digest is lost": Break(
            at_commit=(
                (
                    "DELETE FROM delivery_paper WHERE delivery_id IN"
                    " (SELECT id FROM delivery WHERE state = 'ready' AND subscriber_id = 2)"
                ),
                "DELETE FROM delivery WHERE state = 'ready' AND subscriber_id = 2",
            )
        ),
        "whoever leaves is mailed all the same": _IGNORE_LEAVING,
        "a digest counts as sent that nobody got": Break(
            at_commit=(
                "UPDATE delivery SET state = 'sent' WHERE state = 'claimed' AND subscriber_id = 3",
            )
        ),
        "what a dead worker held is never looked at": Break(
            at_commit=(
                (
                    "UPDATE delivery SET lease_until_at = '2099-01-01 00:00:00.000000'"
                    " WHERE state IN ('claimed', 'sending')"
                ),
            )
        ),
    }
)


def commit_of(name: str | None) -> Callable[[Session], None]:
    """Return what is to be done right before a commit."""
    return _run(() if name is None else BREAKS[name].at_commit)


def before_run(name: str | None, store: Store) -> None:
    """Do what is to be done before a run."""
    if name is not None and BREAKS[name].before_run:
        with store.write() as tx:
            _run(BREAKS[name].before_run)(tx)


def for_database(name: str | None, *, sqlite: bool) -> tuple[str, ...]:
    """Return the statements that prepare a database for it."""
    if name is None:
        return ()
    return BREAKS[name].on_sqlite if sqlite else BREAKS[name].on_postgresql


def _run(statements: tuple[str, ...]) -> Callable[[Session], None]:
    def run(tx: Session) -> None:
        for statement in statements:
            tx.execute(text(statement))

    return run
