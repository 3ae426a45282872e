"""Importing many subscribers from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from digest.store import Store
from digest.subscribers.decide import Origin, SignupAction, SignupRules
from digest.subscribers.lines import LineProblem, ReadLine, parse_lines
from digest.subscribers.signup import apply_signups

log = structlog.get_logger(__name__)

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What became of the lines; `rejected` are in the order of the file."""

    imported: int
    updated: int
    rejected: tuple[LineProblem, ...]


def import_lines(
    store: Store,
    rules: SignupRules,
    source: Iterable[bytes],
    *,
    now: datetime,
    confirmed: bool,
    progress: Callable[[int], None] | None = None,
) -> ImportCounts:
    """Import subscriber lines; one that cannot be used never stops the rest.

    Lines are written in transactions of up to 500. A known subscriber is updated; one
    who unsubscribed, bounced or complained is rejected.

    Args:
        store: The database.
        rules: Defaults, signer and schedule.
        source: The lines, such as a file opened in binary mode.
        now: Aware UTC time.
        confirmed: Consent is on record elsewhere: nobody gets a confirmation mail.
        progress: Called with the number of the last line done.
    """
    imported = updated = 0
    rejected: list[LineProblem] = []
    chunk: list[ReadLine] = []
    keys: set[str] = set()

    def flush() -> None:
        nonlocal imported, updated
        added, changed, refused = _import_chunk(store, rules, chunk, now=now, confirmed=confirmed)
        imported += added
        updated += changed
        rejected.extend(refused)
        if progress is not None and chunk:
            progress(chunk[-1].line)
        chunk.clear()
        keys.clear()

    for read in parse_lines(source):
        if isinstance(read, LineProblem):
            rejected.append(read)
            continue
        if len(chunk) == _CHUNK or read.wanted.address.key in keys:
            flush()
        chunk.append(read)
        keys.add(read.wanted.address.key)
    flush()
    log.info("subscribers imported", imported=imported, updated=updated, rejected=len(rejected))
    return ImportCounts(
        imported=imported,
        updated=updated,
        rejected=tuple(sorted(rejected, key=lambda problem: problem.line)),
    )


def _import_chunk(
    store: Store,
    rules: SignupRules,
    chunk: Sequence[ReadLine],
    *,
    now: datetime,
    confirmed: bool,
) -> tuple[int, int, list[LineProblem]]:
    if not chunk:
        return 0, 0, []
    with store.write() as tx:
        results = apply_signups(
            tx,
            rules,
            [read.wanted for read in chunk],
            now=now,
            confirmed=confirmed,
            origin=Origin.IMPORT,
        )
    actions = [result.action for result in results]
    refused = [
        LineProblem(line=read.line, email=read.wanted.address.email, error=result.reason)
        for read, result in zip(chunk, results, strict=True)
        if result.action is SignupAction.REFUSED
    ]
    return actions.count(SignupAction.ADDED), actions.count(SignupAction.UPDATED), refused
