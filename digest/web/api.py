"""The JSON API: the same papers, searches and interests, for programs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from digest.errors import AddressError, DigestError, QueryError, StorageError
from digest.matching.query import Query as Expression
from digest.matching.query import parse_query
from digest.model import InterestKind, Match, Subscriber
from digest.store.editions import day_listings
from digest.store.library import Order, Shelf, day_tallies, month_of
from digest.subscribers.preferences import replace_interests, texts_of
from digest.subscribers.tokens import SignedPurpose
from digest.subscribers.wanted import LineError
from digest.web.api_values import (
    BacktestOut,
    DayOut,
    EditionOut,
    EditionsOut,
    ErrorOut,
    InterestsIn,
    InterestsOut,
    PaperOut,
    PapersOut,
    TagOut,
    TagsOut,
    interests_out,
    paper_out,
)
from digest.web.cards import Paths
from digest.web.deps import WebDeps
from digest.web.facts import FactKeeper
from digest.web.finding import MAX_NUMBER, read_place, write_place
from digest.web.pace import PreviewPace, too_fast
from digest.web.paper_pages import find_alias
from digest.web.tickets import ticket_owner
from digest.web.trials import LOOKS_BACK, look_at_month

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorOut, "description": "A parameter or the body cannot be read"},
    413: {"model": ErrorOut, "description": "The body is larger than 64 KB"},
    422: {"model": ErrorOut, "description": "Something that was asked for cannot be used"},
}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ErrorOut, "description": "Not found"}}
_PACED: dict[int | str, dict[str, Any]] = {
    429: {"model": ErrorOut, "description": "Asked too often: see the header Retry-After"}
}
_CLOSED: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorOut, "description": "The key is missing, or counts no more"}
}
_BEARER = HTTPBearer(auto_error=False, description="The API key of your preferences page")
Key = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
_PLACE = r"^((\d{1,11}|\d{4}-\d{2}-\d{2})~\d{1,18})?$"
_EDITION = 200
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAYS_BACK = 366


def _iso_day(given: object) -> object:
    """Let nothing but `2026-02-03` pass: a number would be read as seconds since 1970."""
    if isinstance(given, str) and not _ISO_DAY.fullmatch(given):
        raise ValueError("write a day such as 2026-02-03")
    return given


Day = Annotated[date, BeforeValidator(_iso_day)]


def create_api(deps: WebDeps, facts: FactKeeper, pace: PreviewPace) -> FastAPI:
    """Make the API, to be mounted at `/api`."""
    api = FastAPI(
        title=f"{deps.settings.service.name}: API",
        version="1",
        description="Papers, editions, tags, search and back-test, and one's own interests.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
        root_path_in_servers=False,
        servers=[{"url": f"{deps.settings.service.base_url}/api"}],
    )
    api.include_router(_paper_routes(deps, pace), prefix="/v1", responses=_ERRORS)
    api.include_router(_list_routes(deps, facts), prefix="/v1", responses=_ERRORS)
    api.include_router(_own_routes(deps), prefix="/v1", responses=_ERRORS)
    api.add_exception_handler(HTTPException, _say_http)
    api.add_exception_handler(RequestValidationError, _say_invalid)
    api.add_exception_handler(DigestError, _say_ours)
    api.add_exception_handler(Exception, _say_http)
    return api


def _paper_routes(deps: WebDeps, pace: PreviewPace) -> APIRouter:
    routes = APIRouter(tags=["papers"])
    page = Paths(deps.settings.service.base_url).paper

    def out(match: Match) -> PaperOut:
        return paper_out(match.paper, page(match.paper.alias), match.reasons)

    @routes.get("/papers")
    def papers(
        *,
        q: Annotated[str, Query(max_length=8_000, description="In the query language")] = "",
        tag: Annotated[str, Query(max_length=400)] = "",
        feed: Annotated[str, Query(max_length=100)] = "",
        month: Annotated[str, Query(pattern=r"^(\d{4}(-\d{2})?)?$")] = "",
        min_upvotes: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
        sort: Order = Order.NEWEST,
        after: Annotated[str, Query(pattern=_PLACE, description="`next` of a page")] = "",
        limit: Annotated[int, Query(ge=1, le=100)] = 30,
    ) -> PapersOut:
        """Find papers, newest or most upvoted first."""
        span = month_of(month) if month else Shelf()
        if span is None:
            raise HTTPException(422, "month: write 2026-02 or 2026")
        shelf = Shelf(
            tag=tag, feed=feed, since=span.since, until=span.until, min_upvotes=min_upvotes
        )
        query = parse_query(q) if q.strip() else None
        place = read_place(after, sort) if after else None
        with deps.store.read() as tx:
            found = deps.find(tx, query, shelf, order=sort, after=place, limit=limit)
        return PapersOut(
            total=found.count.value,
            total_is_exact=not (found.count.more or found.count.at_most),
            looked_through=found.looked_through,
            next=write_place(found.after) if found.after else None,
            papers=[out(match) for match in found.matches],
        )

    @routes.get("/papers/{alias:path}", responses=_MISSING)
    def paper(alias: Annotated[str, Path(description="Any identifier")]) -> PaperOut:
        """Read one paper."""
        with deps.store.read() as tx:
            found = find_alias(tx, alias)
        if found is None:
            raise HTTPException(404, "no paper has this identifier")
        return out(Match(paper=found, reasons=()))

    @routes.get("/backtest", responses=_PACED)
    def backtest(
        request: Request,
        q: Annotated[str, Query(min_length=1, max_length=8_000)],
        limit: Annotated[int, Query(ge=0, le=100)] = 20,
    ) -> BacktestOut:
        """Say what a query would have matched in the last 30 days, best first."""
        seconds = pace.wait_s(request)
        if seconds:
            raise HTTPException(429, too_fast(seconds), {"retry-after": str(seconds)})
        query: Expression = parse_query(q)
        with deps.store.read() as tx:
            found = look_at_month(tx, query, deps.annotator, now=deps.clock(), show=limit)
        return BacktestOut(
            query=query.canonical,
            days=LOOKS_BACK.days,
            total=found.total,
            papers=[out(match) for match in found.matches],
        )

    return routes


def _list_routes(deps: WebDeps, facts: FactKeeper) -> APIRouter:
    routes = APIRouter(tags=["lists"])
    page = Paths(deps.settings.service.base_url).paper

    @routes.get("/editions")
    def editions(until: Day | None = None) -> EditionsOut:
        """List the days of a year that have papers, back from `until` or today."""
        last = min(until or deps.clock().date(), deps.clock().date())
        first = last - timedelta(days=min(_DAYS_BACK, last.toordinal() - 1))
        with deps.store.read() as tx:
            days = day_tallies(tx, since=first, until=last)
        return EditionsOut(editions=[DayOut(day=day, papers=papers) for day, papers in days])

    @routes.get("/editions/{day}", responses=_MISSING)
    def edition(day: Day) -> EditionOut:
        """Read the papers of a day: at most 200, those with most upvotes first."""
        if day > deps.clock().date():
            raise HTTPException(404, "this day has not come")
        with deps.store.read() as tx:
            found = day_listings(tx, day, limit=_EDITION)
        return EditionOut(
            day=found.day,
            total=found.total,
            feeds=found.feeds,
            papers=[paper_out(paper, page(paper.alias)) for paper in found.papers],
        )

    @routes.get("/tags")
    def tags() -> TagsOut:
        """List the 600 tags that most papers carry."""
        with deps.store.read() as tx:
            known = facts.read(tx)
        topics = {one.topic.name for one in known.topics}
        return TagsOut(
            tags=[
                TagOut(name=one.name, papers=one.papers, topic=one.name in topics)
                for one in known.labels
            ]
        )

    return routes


def _own_routes(deps: WebDeps) -> APIRouter:
    routes = APIRouter(tags=["my interests"], responses=_CLOSED)

    def owner(tx: Session, key: HTTPAuthorizationCredentials | None) -> Subscriber:
        found = (
            ticket_owner(tx, deps.rules.signer, SignedPurpose.API, key.credentials) if key else None
        )
        if found is None:
            raise HTTPException(
                401, "send your key as a bearer token", {"www-authenticate": "Bearer"}
            )
        return found

    @routes.get("/me/interests")
    def read(key: Key) -> InterestsOut:
        """Read one's own interests."""
        with deps.store.read() as tx:
            return _texts(owner(tx, key))

    @routes.put("/me/interests")
    def write(wanted: InterestsIn, key: Key) -> InterestsOut:
        """Replace one's own interests."""
        with deps.store.read() as tx:
            one = owner(tx, key)
        after = replace_interests(
            deps.store,
            deps.rules,
            one.id,
            tags=tuple(wanted.tags),
            keywords=tuple(wanted.keywords),
            muted=tuple(wanted.muted),
            now=deps.clock(),
        )
        return _texts(after)

    return routes


def _texts(subscriber: Subscriber) -> InterestsOut:
    return interests_out({kind: texts_of(subscriber, kind) for kind in InterestKind})


def _answer(status: int, error: ErrorOut, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error.model_dump(), status_code=status, headers=headers)


def _say_http(_request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        return _answer(500, ErrorOut(error="something failed on our side"))
    headers = dict(exc.headers) if exc.headers else None
    return _answer(exc.status_code, ErrorOut(error=str(exc.detail)), headers)


def _say_invalid(_request: Request, exc: Exception) -> Response:
    problems = exc.errors() if isinstance(exc, RequestValidationError) else ()
    said = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in list(problems)[:10]
    )
    return _answer(400, ErrorOut(error=said or "this request cannot be read"))


def _say_ours(_request: Request, exc: Exception) -> Response:
    if isinstance(exc, StorageError):
        return _answer(503, ErrorOut(error="the database does not answer; try again later"))
    if isinstance(exc, QueryError):
        error = ErrorOut(error=exc.cause, position=exc.position, suggestion=exc.suggestion)
        return _answer(422, error)
    if isinstance(exc, LineError):
        return _answer(422, ErrorOut(error="; ".join(exc.problems)))
    if isinstance(exc, AddressError):
        return _answer(422, ErrorOut(error="the address cannot be used"))
    return _answer(422, ErrorOut(error=str(exc)))
