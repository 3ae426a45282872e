"""What a link in a digest may do: mute one term, or one author, and take that back (pure).

A forwarded digest leaks its links, so each names one undoable action and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import QueryError, TokenError
from digest.matching.query import parse_query
from digest.model import DeliveryId, Match
from digest.subscribers.tokens import SignedPurpose, TokenSigner

TERM, AUTHOR = 0, 1
"""The choices of a paper: to mute the first term that wanted it, or its first author."""

CHOICES = 2
"""How many choices each paper has."""

_MAX_LABEL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Which action: on the term or the author of the paper at a position of a delivery."""

    delivery_id: DeliveryId
    position: int
    choice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Muting:
    """What an action mutes: the query, and how it is called."""

    query: str
    label: str
    is_author: bool


def read_action(signer: TokenSigner, token: str) -> Action:
    """Read the token of an action.

    Raises:
        TokenError: If it is not one of ours.
    """
    delivery_id, slot = signer.verify_slot(SignedPurpose.ACTION, token)
    position, choice = divmod(slot, CHOICES)
    return Action(delivery_id=DeliveryId(delivery_id), position=position, choice=choice)


def muting(action: Action, match: Match) -> Muting:
    """Return what an action mutes, as the paper reads now.

    Raises:
        TokenError: If the term or author is no longer there.
    """
    found = mutings(match).get(action.choice)
    if found is None:
        raise TokenError("the term of this link is no longer there")
    return found


def action_tokens(
    signer: TokenSigner, delivery_id: DeliveryId, positions: Sequence[int]
) -> Sequence[bytes]:
    """Return the tokens of one delivery's actions: every choice of each position in turn."""
    slots: Sequence[int]
    if positions == range(len(positions)):  # as most are
        slots = range(len(positions) * CHOICES)
    else:
        slots = [at * CHOICES + choice for at in positions for choice in range(CHOICES)]
    return signer.sign_slots(SignedPurpose.ACTION, delivery_id, slots)


def mutings(match: Match) -> Mapping[int, Muting]:
    """Return what can be muted of a paper, by the number of the choice."""
    found: dict[int, Muting] = {}
    for reason in match.reasons:
        muted = _muting(reason.field, reason.term)
        if muted is not None and not muted.is_author:
            found[TERM] = muted
            break
    if match.paper.authors:
        author = _muting("author", " ".join(match.paper.authors[0].split()))
        if author is not None and len(author.label) <= _MAX_LABEL:
            found[AUTHOR] = author
    return found


# Digests share terms and authors, and parsing costs more than all else of a link.
@lru_cache(maxsize=1 << 14)
def _muting(field: str, term: str) -> Muting | None:
    """Return what mutes a term, None where it cannot stand in a query."""
    query = _query(field, term)
    if query is None:
        return None
    if field == "author":
        return Muting(query=query, label=term, is_author=True)
    return Muting(query=query, label=term[:_MAX_LABEL], is_author=False)


def _query(field: str, term: str) -> str | None:
    """Write a term as a query that finds it, None where it cannot stand in one."""
    plain = term.replace('"', " ").strip()
    candidates: tuple[str, ...]
    if field in ("title", "abstract"):
        candidates = (term, f'"{plain}"')
    elif field in ("tag", "author"):
        candidates = (f'{field}:"{plain}"',)
    else:
        return None
    for candidate in candidates:
        try:
            parse_query(candidate)
        except QueryError:
            continue
        return candidate
    return None
