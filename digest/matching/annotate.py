"""Work out of a paper, when it is stored, what is asked of it for ever after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from digest.matching.fulltext import paper_words
from digest.matching.index import QueryIndex
from digest.matching.query import parse_query
from digest.matching.reading import NO_SYNONYMS, Synonyms
from digest.model import Paper, PaperNote, QueryId, Topic

READING = 4
"""Counts the changes of how text is read: one more makes every paper be read again."""


class Annotator:
    """Reads papers for the full-text index, and finds their topics.

    Args:
        topics: As the operator defines them.
        synonyms: Forms that mean the same.

    Raises:
        QueryError: If the query of a topic cannot be understood.
    """

    def __init__(self, topics: Iterable[Topic] = (), synonyms: Synonyms = NO_SYNONYMS) -> None:
        self.topics = tuple(topics)
        self.synonyms = synonyms
        self._index = QueryIndex()
        for number, topic in enumerate(self.topics):
            self._index.add(QueryId(number), parse_query(topic.query))

    @cached_property
    def fingerprint(self) -> str:
        """A short text that changes with whatever may change a note."""
        facts = (READING, [(one.name, one.query) for one in self.topics], self.synonyms.groups)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def caught(self, papers: Sequence[Paper]) -> list[int]:
        """Tell for each topic which of these papers it catches; bit i is `papers[i]`.

        Their tags are those of the feeds, as for `annotate`.
        """
        hits = self._index.match(papers, self.synonyms)
        return [hits.bits(QueryId(number)) for number in range(len(self.topics))]

    def annotate(self, papers: Sequence[Paper]) -> list[PaperNote]:
        """Read papers; their tags are those of the feeds, without topics.

        A topic's query may ask for a feed's tag, but not for another topic: the order
        of topics must not matter.
        """
        found = self.caught(papers)
        notes = []
        for place, paper in enumerate(papers):
            names = tuple(
                topic.name
                for topic, bits in zip(self.topics, found, strict=True)
                if bits >> place & 1
            )
            labelled = replace(paper, tags=(*paper.tags, *names))
            words = paper_words(labelled, self.synonyms)
            notes.append(PaperNote(paper_id=paper.id, words=words, topics=names))
        return notes
