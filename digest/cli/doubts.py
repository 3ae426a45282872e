"""What was accepted and yet is probably not what was meant, said on stderr."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from digest.errors import QueryError

if TYPE_CHECKING:
    from digest.cli.frame import Frame
    from digest.service import Service

_TAGS = 100_000


def say_hints(frame: Frame, queries: Sequence[str]) -> None:
    """Say where an accepted query probably means something else."""
    from digest.matching.hints import hints
    from digest.matching.query import parse_query

    for query in queries:
        try:
            found = hints(parse_query(query))
        except QueryError:
            continue  # told by the check of the whole line, with everything else
        for hint in found:
            frame.note(f"digest: {hint.told}")


def say_unknown_tags(frame: Frame, service: Service, tags: Sequence[str]) -> None:
    """Say which tags no paper carries and no topic is named; before papers come, only typos."""
    from digest.matching.text import fold_label
    from digest.store.library import tag_tallies

    if not tags:
        return
    with service.store.read() as tx:
        carried = [tally.name for tally in tag_tallies(tx, limit=_TAGS)]
    names = [*carried, *(topic.name for topic in service.annotator.topics)]
    known = {fold_label(name): name for name in names}
    for tag in tags:
        label = fold_label(tag)
        if not label or label in known or any(one.startswith(f"{label}.") for one in known):
            continue
        meant = meant_names(label, known)
        if carried or meant:
            frame.note(f"digest: no paper and no topic has the tag {tag}{meant}")


def meant_names(label: str, known: Mapping[str, str]) -> str:
    """Ask which of the known names a folded one may mean; empty when none is near."""
    near: Iterable[str] = [one for one in known if label and label in one]
    near = near or difflib.get_close_matches(label, known, n=1)
    meant = " or ".join(known[one] for one in list(near)[:3])
    return f"; did you mean {meant}?" if meant else ""
