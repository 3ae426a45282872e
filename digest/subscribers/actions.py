"""What a link in a digest may do: mute one term, or one author, and take that back (pure).

A forwarded digest leaks its links, so each names one undoable action and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from digest.errors import QueryError, TokenError
from digest.matching.query import parse_query
from digest.model import Delivery, DeliveryId, Digest, Link, Match
from digest.subscribers.tokens import SignedPurpose, TokenSigner

_POSITIONS = 1 << 8
_CHOICES = 1 << 8
_AUTHOR = 128
"""Choices from here on are authors; below are terms."""

_MAX_LABEL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Which action: of a paper of a delivery, its n-th term or author."""

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
    payload = signer.verify(SignedPurpose.ACTION, token)
    rest, choice = divmod(payload, _CHOICES)
    delivery_id, position = divmod(rest, _POSITIONS)
    return Action(delivery_id=DeliveryId(delivery_id), position=position, choice=choice)


def muting(action: Action, match: Match) -> Muting:
    """Return what an action mutes, as the paper reads now.

    Raises:
        TokenError: If the term or author is no longer there.
    """
    found = _mutings(match).get(action.choice)
    if found is None:
        raise TokenError("the term of this link is no longer there")
    return found


def action_links(
    signer: TokenSigner, base_url: str, delivery: Delivery, digest: Digest
) -> tuple[tuple[Link, ...], ...]:
    """Return the actions of each paper of a digest: its first term and first author."""
    places = {each.paper_id: place for place, each in enumerate(delivery.papers)}

    def links(match: Match) -> tuple[Link, ...]:
        place = places.get(match.paper.id)
        if place is None or place >= _POSITIONS:
            return ()
        chosen = _mutings(match)
        return tuple(
            Link(
                label=chosen[choice].label,
                url=f"{base_url}/act/"
                + signer.sign(
                    SignedPurpose.ACTION,
                    (delivery.id * _POSITIONS + place) * _CHOICES + choice,
                ),
            )
            for choice in (0, _AUTHOR)
            if choice in chosen
        )

    return tuple(links(match) for match in digest.matches)


def _mutings(match: Match) -> dict[int, Muting]:
    """Return what can be muted: by the number of its choice."""
    found: dict[int, Muting] = {}
    for reason in match.reasons:
        query = _query(reason.field, reason.term)
        if query is not None and reason.field != "author":
            found[0] = Muting(query=query, label=reason.term[:_MAX_LABEL], is_author=False)
            break
    if match.paper.authors:
        name = " ".join(match.paper.authors[0].split())
        query = _query("author", name)
        if query is not None and len(name) <= _MAX_LABEL:
            found[_AUTHOR] = Muting(query=query, label=name, is_author=True)
    return found


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
