"""Views of the mails that are not digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from digest.digests.plain import one_line, shorten
from digest.digests.wording import long_date, schedule_sentence
from digest.model import Interest, InterestKind, Schedule, SubscriberState

MAX_SAVED = 50
_KINDS = {
    InterestKind.TAG: "tag",
    InterestKind.KEYWORD: "keywords",
    InterestKind.MUTED: "never",
}
_STOPPED = {
    SubscriberState.BOUNCED: (
        "Mail to this address came back, so your digests were stopped. If this one reached you, "
        "they can go on. "
    ),
    SubscriberState.UNSUBSCRIBED: "You had unsubscribed, so no digests come to you. ",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A letter that carries one link, as printed."""

    service_name: str
    subject: str
    preview: str
    date: str
    lead: str
    button: str
    url: str
    ignore: str


def login_view(*, service_name: str, day: date, url: str) -> LinkView:
    """Build the letter that logs somebody in; `url` is the one-use link."""
    name = one_line(service_name)
    return LinkView(
        service_name=name,
        subject=f"Your link to {name}",
        preview="It opens your interests and times, once, for 48 hours.",
        date=long_date(day),
        lead=(
            "Here is the link to your interests and times that was asked for. "
            "It works once, for 48 hours."
        ),
        button="Open my digest",
        url=url,
        ignore=(
            "If you did not ask for it, ignore this mail: nothing changes, and nobody else "
            "can use the link."
        ),
    )


def change_view(*, service_name: str, day: date, url: str) -> LinkView:
    """Build the letter to a new address; `url` is the one-use link."""
    name = one_line(service_name)
    return LinkView(
        service_name=name,
        subject=f"Confirm your new address for {name}",
        preview="One click, and your digests come here.",
        date=long_date(day),
        lead=(
            "Somebody, most likely you, wants their digests at this address. "
            "Nothing changes until you confirm. The link works once, for 48 hours."
        ),
        button="Use this address",
        url=url,
        ignore="If it was not you, ignore this mail: nothing more will come.",
    )


def confirm_view(
    *,
    service_name: str,
    day: date,
    interests: Iterable[Interest],
    schedule: Schedule,
    confirm_url: str,
    before: SubscriberState = SubscriberState.PENDING,
) -> ConfirmView:
    """Build the view of the letter `confirm`.

    Only this letter, which nobody but the owner of the address reads, says that their
    digests were stopped, and why.

    Args:
        service_name: The mail's heading.
        day: Local date on which it is written.
        interests: What was saved; at most 50 are told.
        schedule: When digests would come.
        confirm_url: The one-use link, an absolute address of ours.
        before: The subscriber's state: digests may have been stopped.
    """
    name = one_line(service_name)
    stopped = _STOPPED.get(before, "")
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
            f"{stopped}Somebody, most likely you, asked for trending papers at this address. "
            "Nothing is sent until you confirm. The link works once, for 48 hours."
        ),
        confirm_url=confirm_url,
        saved=tuple(saved[:MAX_SAVED]),
        schedule=schedule_sentence(schedule).replace("You get this", "You will get a digest"),
        ignore=(
            "If it was not you, ignore this mail: nothing more will come"
            + ("." if stopped else ", and the address is forgotten after 7 days.")
        ),
    )
