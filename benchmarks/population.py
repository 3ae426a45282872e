"""Synthetic papers, saved queries and subscribers, all from one seed.

Papers have about 1,300 characters. Phrases of 1–4 words follow Zipf's law in how many
people save them; a fifth of what is saved is boolean, a prefix or an author. The words
are real English and Latin ones for the field's most common, invented for the rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from digest.matching.canonical import render
from digest.matching.query import canonical, parse_query
from digest.model import Alias, Paper, PaperId, QueryId

SEED = 20260202
PHRASES = 50_000
TAGS = tuple(f"{group}.{two}" for group in ("cs", "stat", "q-bio", "eess") for two in (
    "AI", "CL", "CV", "LG", "RO", "IR", "NE", "HC", "SD", "ML",
))  # fmt: skip

Ids: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Population:
    """Distinct canonical queries, and for each subscriber a run of `ids` into them."""

    queries: list[tuple[QueryId, str]]
    ids: Ids
    starts: Ids
    phrases: list[str]


def make_papers(count: int) -> list[Paper]:
    draw = random.Random(SEED)
    words, weights = vocabulary(draw)
    names = [word.title() for word in words[:4_000]]
    return [
        Paper(
            id=PaperId(number),
            alias=Alias(f"arxiv:2602.{number:05}"),
            title=" ".join(draw.choices(words, weights, k=9)).capitalize(),
            abstract=" ".join(draw.choices(words, weights, k=185)),
            authors=tuple(
                f"{first} {last}"
                for first, last in zip(
                    draw.choices(names, k=4), draw.choices(names, k=4), strict=True
                )
            ),
            tags=tuple(draw.sample(TAGS, k=draw.randint(1, 3))),
            feeds=("arxiv",),
            upvotes=draw.randint(0, 300),
            first_seen_at=datetime(2026, 2, 2, tzinfo=UTC),
        )
        for number in range(1, count + 1)
    ]


def make_population(people: int, papers: list[Paper]) -> Population:
    draw = np.random.default_rng(SEED)
    phrases = _phrases(random.Random(SEED), papers)
    popularity = np.cumsum(1 / np.arange(1, PHRASES + 1))
    popularity /= popularity[-1]

    def zipf(count: int) -> list[int]:
        return np.searchsorted(popularity, draw.random(count)).tolist()  # type: ignore[no-any-return]

    saved = draw.integers(1, 11, size=people)
    tagged = draw.integers(0, 6, size=people)
    total = int(saved.sum())
    distinct = {phrase: number for number, phrase in enumerate(phrases)}
    picks = np.array(zipf(total), dtype=np.int64)
    boolean = np.flatnonzero(draw.random(total) < 0.2)
    picks[boolean] = [
        distinct.setdefault(text, len(distinct))
        for text in _composed(
            zipf(len(boolean)), zipf(len(boolean)), draw.integers(0, 5, len(boolean)), phrases
        )
    ]
    tags = np.array(
        [distinct.setdefault(f"tag:{tag.lower()}", len(distinct)) for tag in TAGS], dtype=np.int64
    )
    counts = saved + tagged
    starts = np.concatenate(([0], np.cumsum(counts)))
    ids = np.empty(int(starts[-1]), dtype=np.int64)
    of_phrase = np.repeat(starts[:-1], saved) + _within(saved)
    of_tag = np.repeat(starts[:-1] + saved, tagged) + _within(tagged)
    ids[of_phrase] = picks
    ids[of_tag] = tags[draw.integers(0, len(tags), len(of_tag))]
    queries = [(QueryId(number), text) for text, number in distinct.items()]
    _check_canonical(queries)
    return Population(queries=queries, ids=ids, starts=starts, phrases=phrases)


def _within(counts: Ids) -> Ids:
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def vocabulary(draw: random.Random) -> tuple[list[str], list[float]]:
    """Invent some 17,000 words, and how often each is used by Zipf's law, commonest first."""
    syllables = [a + b for a in "bcdfglmnprtv" for b in "aeiou"]
    words = sorted({"".join(draw.choices(syllables, k=draw.randint(2, 4))) for _ in range(20_000)})
    draw.shuffle(words)
    return words, [1 / (place + 10) for place in range(len(words))]


def _phrases(draw: random.Random, papers: list[Paper]) -> list[str]:
    """Take runs of words out of the papers, so that what is saved is also found."""
    found: dict[str, None] = {}
    while len(found) < PHRASES:
        words = draw.choice(papers).abstract.split()
        start = draw.randrange(len(words) - 4)
        phrase = " ".join(words[start : start + draw.choice((1, 2, 2, 3, 4))])
        found[canonical(parse_query(phrase))] = None
    return list(found)


def _composed(
    firsts: Iterable[int], seconds: Iterable[int], forms: Iterable[int], phrases: list[str]
) -> Iterable[str]:
    """Write canonical queries directly: parsing them all would take longer than the rest."""
    for first, second, form in zip(firsts, seconds, forms, strict=True):
        one, other = phrases[first], phrases[second]
        if one == other or form == 3:
            yield f"{one.split()[0][:5]}*"
        elif form == 4:
            yield f"author:{one.split()[0]}"
        elif form == 2:
            yield f"{_quoted(one)} NOT {_quoted(other)}"
        else:
            one, other = sorted((one, other))
            yield f"{_quoted(one)} {'AND' if form else 'OR'} {_quoted(other)}"


def _quoted(phrase: str) -> str:
    return f'"{phrase}"' if " " in phrase else phrase


def _check_canonical(queries: list[tuple[QueryId, str]]) -> None:
    for _, text in queries[:: len(queries) // 500]:
        assert render(parse_query(text).root) == text, text
