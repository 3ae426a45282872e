"""The values of annotation: what is worked out of a paper when it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from digest.model.ids import PaperId


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperWords:
    """A paper's words, each of letters, digits and `_`, parted by single spaces.

    `title` and `abstract` hold the words that phrases compare, in their order; `forms`
    those that read otherwise with their plural, `cased` those with capitals, `names`
    the authors', `labels` the tags and feeds.
    """

    title: str
    abstract: str
    forms: str
    cased: str
    names: str
    labels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperNote:
    """What was worked out of one paper: its words for looking back, and its topics."""

    paper_id: PaperId
    words: PaperWords
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A tag that the operator defines by a query, for readers to pick."""

    name: str
    query: str
    description: str = ""
    group: str = ""
