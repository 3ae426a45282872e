"""What holds for every answer: headers, hosts, body sizes, and no traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.errors import StorageError

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked by address, by whoever runs us
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "interest-cohort=()",
}
_PLAIN_WORDS = {
    400: "this site does not go by that name",
    403: "this request came from another site",
    413: "this request is too large",
    500: "something failed on our side",
    503: "the database does not answer; try again later",
}
_NO_STORE = "no-store"

ErrorPage = Callable[[int], Response]


class Guard:
    """The outermost layer of the site.

    Args:
        app: The site.
        base_url: Requests for another host than its, or loopback, are refused, so that
            no link is ever built from a header.
        error_page: Makes the page of a status.
    """

    def __init__(self, app: ASGIApp, *, base_url: str, error_page: ErrorPage) -> None:
        self._app = app
        self._hosts = LOOPBACK | {(urlsplit(base_url).hostname or "").lower()}
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        refused = self._refuse(scope)
        if refused is not None:
            await self._page(refused, scope)(scope, receive, answer)
            return
        body = _Body(receive)

        async def reply(message: Message) -> None:
            if not body.is_too_large:  # else the framework says that it cannot be parsed
                await answer(message)

        try:
            await self._app(scope, body, reply)
        except _BodyTooLargeError:
            log.info("request too large", route=_route(scope))
        except Exception as exc:
            status = 503 if isinstance(exc, StorageError) else 500
            # Neither the message nor local variables: both may hold tokens.
            log.error(  # noqa: TRY400
                "page failed",
                route=_route(scope),
                status=status,
                error=type(exc).__name__,
                trace="".join(traceback.format_tb(exc.__traceback__)),
            )
            await self._fail(status, scope, receive, answer)
        if body.is_too_large:
            await self._fail(413, scope, receive, answer)

    def _page(self, status: int, scope: Scope) -> Response:
        if "/api/" in scope["path"]:  # programs read JSON, and their document says so
            return JSONResponse(
                {"error": _PLAIN_WORDS[status], "position": None, "suggestion": None},
                status_code=status,
            )
        return self._error_page(status)

    def _refuse(self, scope: Scope) -> int | None:
        headers = dict(scope["headers"])
        if (
            scope["path"] not in _PROBES
            and host_of(headers.get(b"host", b"").decode("latin-1")) not in self._hosts
        ):
            return 400
        if scope["method"] not in _SAFE and not _from_here(headers, scope["path"]):
            return 403
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            return 413
        return None

    async def _fail(self, status: int, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if not answer.started:
            await self._page(status, scope)(scope, receive, answer)


class _Answer:
    """Adds the headers that every answer carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}
            given += [
                (name.encode(), value.encode())
                for name, value in {**_HEADERS, "cache-control": _NO_STORE}.items()
                if name.encode() not in names
            ]
            message = {**message, "headers": given}
        await self._send(message)


class _Body:
    """Counts what a body brings, where no length was announced."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    @property
    def is_too_large(self) -> bool:
        """Whether more came than is taken."""
        return self._seen > MAX_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self.is_too_large:
            raise _BodyTooLargeError
        return message


class _BodyTooLargeError(Exception):
    """A body went past its limit."""


def _from_here(headers: dict[bytes, bytes], path: str) -> bool:
    """Tell whether a form was sent from our own pages, as browsers say.

    Mail providers unsubscribe by a POST of their own (RFC 8058), programs use no browser:
    neither carries these headers, and neither has a cookie to misuse.
    """
    if "/unsubscribe/" in path:
        return True
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    if origin is None:
        return True
    _, slashes, named = origin.partition(b"://")
    return bool(slashes) and named == headers.get(b"host", b"")


def host_of(header: str) -> str:
    """Return the name in a Host header, without its port; empty where it cannot be read."""
    try:
        return (urlsplit("//" + header).hostname or "").lower()
    except ValueError:
        return ""


def _route(scope: Scope) -> str:
    """Name the route and not the path: paths hold tokens."""
    return str(getattr(scope.get("route"), "path", "none"))
