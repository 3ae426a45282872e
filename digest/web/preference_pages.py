"""What a subscriber can change without anybody's help: interests and times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from digest.digests.plain import one_line
from digest.errors import DigestError, QueryError, UsageError
from digest.matching.query import caret
from digest.model import InterestKind, Subscriber
from digest.subscribers.preferences import change_interests, change_schedule, texts_of
from digest.subscribers.tokens import SignedPurpose
from digest.subscribers.wanted import LineError, SubscriberLine
from digest.web.cards import plain_names
from digest.web.deps import WebDeps
from digest.web.facts import FactKeeper
from digest.web.pace import PreviewPace, too_fast
from digest.web.pages import Site
from digest.web.sentences import next_comes
from digest.web.subscribe_pages import ZONES
from digest.web.tickets import ticket
from digest.web.trials import TrialView, try_interest
from digest.web.visitors import Visitors

_READS = ["GET", "HEAD"]
_SUGGESTED_TAGS = 100
_LONGEST_PAUSE = timedelta(days=3_660)
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SAID = {
    "added": "Added.",
    "removed": "Taken away.",
    "same": "That was there already.",
    "saved": "Saved.",
    "moving": "Open the link in the mail that was sent to the new address.",
    "links": "The private addresses are new; the old ones work no more.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """What cannot be used, with a caret under its place in a query."""

    said: str
    drawing: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesView:
    """Everything that can be changed, as it is."""

    email: str
    next_comes: str
    flash: str
    problem: ProblemView | None
    tags: tuple[str, ...]
    keywords: tuple[str, ...]
    muted: tuple[str, ...]
    typed: str
    typed_kind: str
    trial: TrialView | None
    suggested: tuple[str, ...]
    hours: tuple[tuple[int, bool], ...]
    timezone: str
    zones: tuple[str, ...]
    days: tuple[tuple[str, str, bool], ...]
    max_papers: int
    min_upvotes: int
    text_only: bool
    pause_until: str
    atom_url: str
    json_url: str
    api_key: str


class ScheduleForm(BaseModel):
    """Times and limits as a browser sends them."""

    hour: int = Field(8, ge=0, le=23)
    timezone: str = Field("", max_length=80)
    day: list[Annotated[str, Field(max_length=3)]] = Field([], max_length=7)
    max_papers: int = Field(20, ge=0, le=10_000)
    min_upvotes: int = Field(0, ge=0, le=10_000_000)
    look: str = Field("html", max_length=10)
    pause_until: str = Field("", max_length=10)


class InterestForm(BaseModel):
    """An interest to add, to try, or to take away."""

    kind: InterestKind = InterestKind.KEYWORD
    text: str = Field("", max_length=8_000)
    do: str = Field("add", max_length=10)


def preference_routes(
    deps: WebDeps, site: Site, facts: FactKeeper, visitors: Visitors, pace: PreviewPace
) -> APIRouter:
    """Make `/preferences`, its forms, and `/preview`."""
    routes = APIRouter()
    page = _Preferences(deps, site, facts)

    @routes.api_route("/preferences", methods=_READS)
    def show(request: Request, said: str = Query("", max_length=20)) -> Response:
        owner = visitors.owner(request)
        if owner is None:
            return RedirectResponse(site.paths.to("/login"), status_code=303)
        return page.show(owner, flash=_SAID.get(said, ""))

    @routes.post("/preferences/interests")
    def interests(request: Request, form: Annotated[InterestForm, Form()]) -> Response:
        owner = visitors.owner(request)
        if owner is None:
            return RedirectResponse(site.paths.to("/login"), status_code=303)
        seconds = pace.wait_s(request) if form.do == "preview" else 0
        if seconds:
            return page.ask_to_wait(owner, form, seconds)
        return page.change_interest(owner, form)

    @routes.post("/preferences/schedule")
    def schedule(request: Request, form: Annotated[ScheduleForm, Form()]) -> Response:
        owner = visitors.owner(request)
        if owner is None:
            return RedirectResponse(site.paths.to("/login"), status_code=303)
        return page.change_schedule(owner, form)

    @routes.api_route("/preview", methods=_READS)
    def preview(
        request: Request,
        text: str = Query("", max_length=8_000),
        kind: InterestKind = InterestKind.KEYWORD,
    ) -> Response:
        seconds = pace.wait_s(request)
        if seconds:
            return JSONResponse(
                {"ok": False, "said": too_fast(seconds), "papers": []},
                status_code=429,
                headers={"retry-after": str(seconds)},
            )
        trial = page.trial(kind, text)
        return JSONResponse(
            {
                "ok": trial.ok,
                "said": trial.said,
                "drawing": trial.drawing,
                "position": trial.position,
                "suggestion": trial.suggestion,
                "papers": [
                    {"title": paper.title, "url": paper.url, "why": paper.why}
                    for paper in trial.papers
                ],
            },
            status_code=200 if trial.ok else 422,
        )

    return routes


class _Preferences:
    def __init__(self, deps: WebDeps, site: Site, facts: FactKeeper) -> None:
        self._deps = deps
        self._site = site
        self._facts = facts

    def show(
        self,
        owner: Subscriber,
        *,
        flash: str = "",
        problem: ProblemView | None = None,
        typed: InterestForm | None = None,
        trial: TrialView | None = None,
    ) -> Response:
        with self._deps.store.read() as tx:
            tags = self._facts.read(tx).labels[:_SUGGESTED_TAGS]
        schedule = owner.schedule
        base_url = self._deps.settings.service.base_url
        signer = self._deps.rules.signer
        feed = signer.sign(SignedPurpose.FEED, ticket(owner))
        pause = schedule.pause_until
        view = PreferencesView(
            email=owner.email,
            next_comes=next_comes(owner),
            flash=flash,
            problem=problem,
            tags=texts_of(owner, InterestKind.TAG),
            keywords=texts_of(owner, InterestKind.KEYWORD),
            muted=texts_of(owner, InterestKind.MUTED),
            typed=typed.text if typed else "",
            typed_kind=(typed.kind if typed else InterestKind.KEYWORD).value,
            trial=trial,
            suggested=plain_names(one.name for one in tags),
            hours=tuple((hour, hour == schedule.hour) for hour in range(24)),
            timezone=schedule.timezone,
            zones=ZONES,
            days=tuple(
                (name.lower(), name, day in schedule.weekdays)
                for day, name in enumerate(_DAY_NAMES)
            ),
            max_papers=owner.max_papers,
            min_upvotes=owner.min_upvotes,
            text_only=owner.text_only,
            pause_until=pause.astimezone(ZoneInfo(schedule.timezone)).date().isoformat()
            if pause is not None and pause > self._deps.clock()
            else "",
            atom_url=f"{base_url}/feed/{feed}.atom",
            json_url=f"{base_url}/feed/{feed}.json",
            api_key=signer.sign(SignedPurpose.API, ticket(owner)),
        )
        return self._site.page("preferences", view, status=422 if problem else 200)

    def ask_to_wait(self, owner: Subscriber, form: InterestForm, seconds: int) -> Response:
        response = self.show(owner, problem=ProblemView(said=too_fast(seconds)), typed=form)
        response.status_code = 429
        response.headers["retry-after"] = str(seconds)
        return response

    def change_interest(self, owner: Subscriber, form: InterestForm) -> Response:
        if form.do == "preview" and form.text.strip():
            return self.show(owner, typed=form, trial=self.trial(form.kind, form.text.strip()))
        adds = form.do != "remove"
        try:
            changed = change_interests(
                self._deps.store,
                self._deps.rules,
                owner.id,
                kind=form.kind,
                add=form.text if adds else None,
                remove=None if adds else form.text,
                now=self._deps.clock(),
            )
        except QueryError as exc:
            problem = ProblemView(
                said=f"{exc.cause[:1].upper()}{exc.cause[1:]}.",
                drawing=caret(exc),
                suggestion=exc.suggestion or "",
            )
            return self.show(owner, problem=problem, typed=form)
        except DigestError as exc:
            return self.show(owner, problem=ProblemView(said=one_line(str(exc))), typed=form)
        if adds:
            return self._back("added" if changed else "same")
        return self._back("removed")

    def change_schedule(self, owner: Subscriber, form: ScheduleForm) -> Response:
        line = SubscriberLine(
            email=owner.email,
            timezone=form.timezone.strip() or "UTC",
            hour=form.hour,
            days=",".join(form.day),
            max_papers=form.max_papers,
            min_upvotes=form.min_upvotes,
        )
        now = self._deps.clock()
        try:
            if not form.day:
                raise UsageError("choose at least one day")
            change_schedule(
                self._deps.store,
                self._deps.rules,
                owner.id,
                line,
                text_only=form.look == "text",
                pause_until=_pause(form.pause_until, line.timezone or "UTC", now=now),
                now=now,
            )
        except LineError as exc:
            said = one_line("; ".join(exc.problems))
            return self.show(owner, problem=ProblemView(said=said))
        except DigestError as exc:
            return self.show(owner, problem=ProblemView(said=one_line(str(exc))))
        return self._back("saved")

    def trial(self, kind: InterestKind, text: str) -> TrialView:
        with self._deps.store.read() as tx:
            return try_interest(
                tx,
                self._deps.annotator,
                self._site.paths,
                kind=kind,
                text=text,
                now=self._deps.clock(),
            )

    def _back(self, said: str) -> Response:
        return RedirectResponse(self._site.paths.to("/preferences", said=said), status_code=303)


def _pause(text: str, zone: str, *, now: datetime) -> datetime | None:
    """Read the day from which digests come again, as the start of it in their own zone."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        until = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError, KeyError, OSError) as exc:
        raise UsageError("paused until: write a day such as 2026-03-01") from exc
    if until - now > _LONGEST_PAUSE:
        raise UsageError("paused until: choose a day of the next ten years")
    return until
