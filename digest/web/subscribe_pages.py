"""Signing up: the address, then the first interests, then a mail that asks to confirm.

The address is written down only with the interests, and looked up by nobody while the
visitor waits: the answer is the same for every address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.responses import Response

from digest.digests.plain import one_line
from digest.errors import AddressError, DigestError, QueryError
from digest.matching.query import caret
from digest.model import InterestKind
from digest.subscribers.addresses import normalise_address
from digest.subscribers.intake import write_signup
from digest.subscribers.wanted import LineError, SubscriberLine, check_line
from digest.web.cards import plain_names
from digest.web.deps import WebDeps
from digest.web.facts import FactKeeper, LibraryFacts
from digest.web.pace import PreviewPace, too_fast
from digest.web.pages import MessageView, Site
from digest.web.trials import TrialView, try_interest
from digest.web.visitors import Visitors

TRENDING = "upvotes:>=10"
"""The interest of those who want whatever trends."""

_ON_ITS_WAY = (
    "A mail with a link is on its way. Open the link to confirm, and your first digest "
    "follows at once."
)
_NOTHING_CAME = (
    "Nothing has come after ten minutes? Look among the spam. The mail is sent at most "
    "once in 24 hours; if you are subscribed already, it leads to your interests."
)
_SUGGESTED = 24
_FEW_TAGS = 16
_MAX_LINES = 30
_READS = ["GET", "HEAD"]
ZONES = (
    "UTC",
    *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")),
)


class SubscribeForm(BaseModel):
    """What a browser sends; `step` is empty when only the address was asked for."""

    email: str = Field("", max_length=400)
    step: str = Field("", max_length=20)
    tag: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=200)
    keywords: str = Field("", max_length=12_000)
    trending: str = Field("", max_length=5)
    hour: str = Field("", max_length=5)
    timezone: str = Field("", max_length=80)
    days: str = Field("daily", max_length=80)
    website: str = Field("", max_length=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChoice:
    """A suggested tag, with how many papers carry it and, of a topic, what it is about."""

    name: str
    count: str
    chosen: bool
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeView:
    """The page of first interests, with what was typed so far."""

    email: str
    topics: tuple[TagChoice, ...]
    tags: tuple[TagChoice, ...]
    keywords: str
    trending: bool
    hours: tuple[tuple[int, bool], ...]
    timezone: str
    zones: tuple[str, ...]
    days: str
    problems: tuple[str, ...]
    drawing: str
    trials: tuple[TrialView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the form says, unchecked."""

    email: str
    tags: tuple[str, ...] = ()
    keywords: str = ""
    trending: bool = False
    hour: str = ""
    timezone: str = ""
    days: str = "daily"

    def line(self, *, default_hour: int) -> SubscriberLine:
        """Return it as a subscriber line; an unknown time zone is UTC."""
        keywords = tuple(
            filter(None, (line.strip() for line in self.keywords.splitlines()[:_MAX_LINES]))
        )
        return SubscriberLine(
            email=self.email,
            tags=tuple(dict.fromkeys(self.tags)),
            keywords=keywords + ((TRENDING,) if self.trending else ()),
            muted=(),
            timezone=self.timezone.strip() or "UTC",
            hour=int(self.hour) if self.hour.isdigit() and len(self.hour) < 3 else default_hour,
            days=self.days,
        )


def subscribe_routes(
    deps: WebDeps, site: Site, facts: FactKeeper, visitors: Visitors, pace: PreviewPace
) -> APIRouter:
    """Make `/subscribe`."""
    routes = APIRouter()
    signup = _Signup(deps, site, facts)

    @routes.api_route("/subscribe", methods=_READS)
    def start(
        keyword: str = Query("", max_length=1_000), tag: str = Query("", max_length=200)
    ) -> Response:
        tags = (tag,) if tag else ()
        return signup.ask(Wishes(email="", keywords=keyword, tags=tags))

    @routes.post("/subscribe")
    def subscribe(request: Request, form: Annotated[SubscribeForm, Form()]) -> Response:
        wishes = Wishes(
            email=form.email.strip(),
            tags=tuple(form.tag),
            keywords=form.keywords,
            trending=bool(form.trending),
            hour=form.hour,
            timezone=form.timezone,
            days=form.days,
        )
        if not form.step:
            return signup.check_address(wishes)
        if form.step == "preview":
            seconds = pace.wait_s(request)
            if not seconds:
                return signup.ask(wishes, trying=True)
            response = signup.ask(wishes, problems=(too_fast(seconds),), status=429)
            response.headers["retry-after"] = str(seconds)
            return response
        return signup.take(wishes, request, visitors, filled_trap=bool(form.website))

    return routes


class _Signup:
    def __init__(self, deps: WebDeps, site: Site, facts: FactKeeper) -> None:
        self._deps = deps
        self._site = site
        self._facts = facts

    def check_address(self, wishes: Wishes) -> Response:
        try:
            normalise_address(wishes.email)
        except AddressError as exc:
            return self.ask(wishes, problems=(str(exc),), status=422)
        return self.ask(wishes)

    def take(
        self, wishes: Wishes, request: Request, visitors: Visitors, *, filled_trap: bool
    ) -> Response:
        line = wishes.line(default_hour=self._deps.settings.digest.default_hour)
        try:
            check_line(line)
        except QueryError as exc:
            return self.ask(wishes, problems=(str(exc),), drawing=caret(exc), status=422)
        except LineError as exc:
            return self.ask(wishes, problems=exc.problems, status=422)
        except DigestError as exc:
            return self.ask(wishes, problems=(str(exc),), status=422)
        if not (line.tags or line.keywords):
            problem = "Choose a topic, write a keyword, or take whatever trends."
            return self.ask(wishes, problems=(problem,), status=422)
        if not filled_trap:
            now = self._deps.clock()
            allowance = visitors.allowance(request, "signup")
            if not write_signup(self._deps.store, line, allowance, now=now):
                return self._site.error(429)
            self._deps.nudge()
        return self._site.message(_sent())

    def ask(
        self,
        wishes: Wishes,
        *,
        problems: tuple[str, ...] = (),
        drawing: str = "",
        trying: bool = False,
        status: int = 200,
    ) -> Response:
        line = wishes.line(default_hour=self._deps.settings.digest.default_hour)
        with self._deps.store.read() as tx:
            known = self._facts.read(tx)
            topics = _topic_choices(known, wishes)
            tags = _tag_choices(known, wishes, named=len(topics))
            trials = self._trials(tx, line) if trying else ()
        view = SubscribeView(
            email=wishes.email,
            topics=topics,
            tags=tags,
            keywords=wishes.keywords,
            trending=wishes.trending,
            hours=tuple((hour, hour == line.hour) for hour in range(24)),
            timezone=wishes.timezone,
            zones=ZONES,
            days=wishes.days,
            problems=tuple(map(one_line, problems)),
            drawing=drawing,
            trials=trials,
        )
        return self._site.page("subscribe", view, status=status)

    def _trials(self, tx: Session, line: SubscriberLine) -> tuple[TrialView, ...]:
        asked = [
            *((InterestKind.TAG, tag) for tag in line.tags or ()),
            *((InterestKind.KEYWORD, text) for text in line.keywords or ()),
        ]
        return tuple(
            try_interest(
                tx,
                self._deps.annotator,
                self._site.paths,
                kind=kind,
                text=text,
                now=self._deps.clock(),
            )
            for kind, text in asked[:10]
        )


def _topic_choices(known: LibraryFacts, wishes: Wishes) -> tuple[TagChoice, ...]:
    """Suggest the topics that most papers are about."""
    chosen = {tag.casefold() for tag in wishes.tags}
    most = sorted(known.topics, key=lambda one: -one.papers)[:_SUGGESTED]
    return tuple(
        TagChoice(
            name=one.topic.name,
            count=f"{one.papers:,}",
            chosen=one.topic.name.casefold() in chosen,
            about=one.topic.description,
        )
        for one in most
        if one.papers or one.topic.name.casefold() in chosen
    )


def _tag_choices(known: LibraryFacts, wishes: Wishes, *, named: int) -> tuple[TagChoice, ...]:
    """Suggest the tags that most papers carry, fewer where there are topics."""
    topics = {one.topic.name.casefold() for one in known.topics}
    counts = {
        one.name: f"{one.papers:,}" for one in known.tags[: _FEW_TAGS if named else _SUGGESTED]
    }
    names = dict.fromkeys((*wishes.tags, *counts))
    chosen = {tag.casefold() for tag in wishes.tags}
    return tuple(
        TagChoice(name=name, count=counts.get(name, ""), chosen=name.casefold() in chosen)
        for name in plain_names(names)
        if name.casefold() not in topics
    )


def _sent() -> MessageView:
    return MessageView(
        title="Look into your inbox",
        paragraphs=(
            _ON_ITS_WAY,
            _NOTHING_CAME,
        ),
    )
