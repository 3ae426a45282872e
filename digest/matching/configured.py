"""Understand what an operator writes about matching: topics and synonyms, as TOML."""

from __future__ import annotations

import tomllib
from typing import Any

from digest.errors import ConfigError, QueryError
from digest.matching.query import parse_query
from digest.matching.text import fold_label
from digest.model import Topic

_KEYS = frozenset({"name", "query", "description", "group"})


def parse_topics(text: str, *, source: str) -> tuple[Topic, ...]:
    """Read `[[topic]]` tables.

    Raises:
        ConfigError: With all problems at once, each with the topic's name.
    """
    problems: list[str] = []
    topics: dict[str, Topic] = {}
    for number, table in enumerate(_tables(text, source, "topic", problems), start=1):
        where = f"{source}: topic {table.get('name') or number}"
        unknown = sorted(table.keys() - _KEYS)
        wrong = sorted(key for key in _KEYS & table.keys() if not isinstance(table[key], str))
        label = fold_label(str(table.get("name", "")))
        if unknown or wrong:
            problems.extend(f"{where}: unknown key {key}" for key in unknown)
            problems.extend(f"{where}: {key} must be a text" for key in wrong)
        elif not label:
            problems.append(f"{where}: a topic needs a name")
        elif label in topics:
            problems.append(f"{where}: the name stands twice")
        else:
            try:
                parse_query(table.get("query", ""))
            except QueryError as exc:
                problems.append(f"{where}: {exc}")
            topics[label] = Topic(**table) if "query" in table else Topic(**table, query="")
    if problems:
        raise ConfigError(problems)
    return tuple(topics.values())


def parse_synonyms(text: str, *, source: str) -> tuple[tuple[str, ...], ...]:
    """Read `synonyms`, a list of lists of forms that mean the same.

    Raises:
        ConfigError: With all problems at once.
    """
    problems: list[str] = []
    document = _document(text, source, problems)
    groups = document.pop("synonyms", [])
    problems.extend(f"{source}: unknown key {key}" for key in document)
    fine = isinstance(groups, list) and all(
        isinstance(group, list)
        and len(group) > 1
        and all(isinstance(form, str) and fold_label(form) for form in group)
        for group in groups
    )
    if not fine:
        problems.append(f"{source}: synonyms must be lists of two texts or more")
    if problems:
        raise ConfigError(problems)
    return tuple(tuple(group) for group in groups)


def _document(text: str, source: str, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        problems.append(f"{source}: is not TOML: {exc}")
        return {}


def _tables(text: str, source: str, key: str, problems: list[str]) -> list[dict[str, Any]]:
    document = _document(text, source, problems)
    tables = document.pop(key, [])
    problems.extend(f"{source}: unknown key {other}" for other in document)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{source}: write each as a table [[{key}]]")
        return []
    return tables
