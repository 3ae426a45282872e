"""Views of the mails that are not digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from digest.digests.plain import one_line, shorten
from digest.digests.wording import long_date, schedule_sentence
from digest.model import Interest, InterestKind, Schedule

MAX_SAVED = 50
_KINDS = {
    InterestKind.TAG: "tag",
    InterestKind.KEYWORD: "keywords",
    InterestKind.MUTED: "never",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One saved interest: what kind, and as the person wrote it."""

    kind: str
    text: str
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmView:
    """The letter that asks somebody to confirm, as printed."""

    service_name: str
    subject: str
    preview: str
    date: str
    lead: str
    confirm_url: str
    saved: tuple[SavedView, ...]
    schedule: str
    ignore: str


def confirm_view(
    *,
    service_name: str,
    day: date,
    interests: Iterable[Interest],
    schedule: Schedule,
    confirm_url: str,
) -> ConfirmView:
    """Build the view of the letter `confirm`.

    Args:
        service_name: The mail's heading.
        day: Local date on which it is written.
        interests: What was saved; at most 50 are told.
        schedule: When digests would come.
        confirm_url: The one-use link, an absolute address of ours.
    """
    name = one_line(service_name)
    saved = [
        SavedView(
            kind=_KINDS[interest.kind],
            text=shorten(one_line(interest.text), 200),
            muted=interest.kind is InterestKind.MUTED,
        )
        for interest in interests
    ]
    return ConfirmView(
        service_name=name,
        subject=f"Confirm your subscription to {name}",
        preview="One click, and your digests begin.",
        date=long_date(day),
        lead=(
            "Somebody, most likely you, asked for trending papers at this address. "
            "Nothing is sent until you confirm. The link works once, for 48 hours."
        ),
        confirm_url=confirm_url,
        saved=tuple(saved[:MAX_SAVED]),
        schedule=schedule_sentence(schedule).replace("You get this", "You will get a digest"),
        ignore=(
            "If it was not you, ignore this mail: nothing more will come, "
            "and the address is forgotten after 7 days."
        ),
    )
