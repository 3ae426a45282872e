"""Fetching a feed document: conditional, guarded, bounded in time and size."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

import httpx2

from digest.errors import FetchError
from digest.feeds.guard import (
    Origin,
    Resolver,
    checked_addresses,
    origin_of,
    parse_url,
    resolve_name,
)
from digest.feeds.headers import max_age_s, retry_after_s, validator
from digest.feeds.politeness import HostGate
from digest.feeds.unpack import Unpacker
from digest.model import FetchedFeed
from digest.settings import FeedsSettings

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/json;q=0.9, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)
_CONNECT_S = 10.0


class FeedFetcher:
    """Fetches feed documents. An async context manager; one serves all feeds.

    Args:
        settings: Manners and guards.
        operator_email: Named in the User-Agent, "" for none.
        resolver: Turns host names into addresses.
        gate: Keeps requests to one host apart.
        tls: Whose certificates are trusted, None for the usual authorities.
    """

    def __init__(
        self,
        settings: FeedsSettings,
        *,
        operator_email: str = "",
        resolver: Resolver = resolve_name,
        gate: HostGate | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._user_agent = settings.user_agent or default_user_agent(operator_email)
        self._resolver = resolver
        self._gate = gate or HostGate()
        self._tls = tls
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def __aenter__(self) -> Self:
        # Connections are made to addresses, so one kept alive could serve another name.
        self._transport = httpx2.AsyncHTTPTransport(
            verify=self._tls or True,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        moved_to: str | None = None,
        hand_over: Callable[[], Awaitable[None]] | None = None,
    ) -> FetchedFeed:
        """Fetch a document, following at most three redirects.

        Args:
            url: The configured URL. With `allow_private_addresses` its own host and port
                may be private, and nothing else.
            etag: Validator of the last reply, or None.
            last_modified: Validator of the last reply, or None.
            moved_to: Where permanent redirects led before; asked in place of `url`.
            hand_over: Waits until somebody takes the document; until then this request
                keeps its turn. It is not called where there is none.

        Returns:
            The reply, with `body` None for 304.

        Raises:
            FetchError: With the cause in plain words.
        """
        configured = parse_url(url, asked=url)
        trusted = origin_of(configured) if self._settings.allow_private_addresses else None
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in conditions.items() if value}
        target = parse_url(moved_to, asked=url) if moved_to else configured
        permanent = True
        left_s = self._settings.timeout_s
        for hop in range(MAX_REDIRECTS + 1):
            request = _Hop(
                asked=url,
                target=target,
                trusted=trusted,
                redirected=hop > 0,
                headers=headers,
                # Ends before the time in all does: cancelled in the middle of a TLS
                # handshake, the client would leave its socket open.
                connect_s=min(_CONNECT_S, 0.9 * left_s),
            )
            async with self._gate.turn(target.host):
                began = asyncio.get_running_loop().time()
                reply = await self._within(left_s, request)
                left_s -= asyncio.get_running_loop().time() - began
                if hand_over and isinstance(reply, FetchedFeed) and reply.body is not None:
                    await hand_over()
            if isinstance(reply, FetchedFeed):
                moved = str(target) if permanent and target != configured else None
                return _with_moved_to(reply, moved)
            permanent = permanent and reply.permanent
            target = parse_url(str(_join(target, reply.location, url)), asked=url)
        raise FetchError(url, f"redirects more than {MAX_REDIRECTS} times")

    async def _within(self, left_s: float, hop: _Hop) -> FetchedFeed | _Redirect:
        limit_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(left_s):
                return await self._request(hop)
        except TimeoutError as exc:
            what = "no answer" if hop.http_status is None else "no complete answer"
            raise FetchError(
                hop.asked, f"{what} within {limit_s:g} s", http_status=hop.http_status
            ) from exc

    async def _request(self, hop: _Hop) -> FetchedFeed | _Redirect:
        addresses = await checked_addresses(
            hop.target,
            resolver=self._resolver,
            trusted=hop.trusted,
            redirected=hop.redirected,
            asked=hop.asked,
        )
        response = await self._connect(hop, addresses)
        try:
            hop.http_status = response.status_code
            return await self._read(hop, response)
        except httpx2.HTTPError as exc:
            raise FetchError(
                hop.asked, "the connection broke off", http_status=response.status_code
            ) from exc
        finally:
            await response.aclose()

    async def _connect(self, hop: _Hop, addresses: tuple[str, ...]) -> httpx2.Response:
        """Send the request to the first address that answers."""
        if self._transport is None:
            raise RuntimeError("FeedFetcher is used outside its `async with`")
        last: Exception | None = None
        for address in addresses:
            try:
                return await self._transport.handle_async_request(self._build(hop, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
                last = exc
            except httpx2.RemoteProtocolError as exc:
                raise FetchError(hop.asked, "the server broke off or does not speak HTTP") from exc
            except httpx2.HTTPError as exc:
                raise FetchError(hop.asked, "the connection broke off") from exc
        raise FetchError(hop.asked, _connect_cause(last, hop.connect_s)) from last

    def _build(self, hop: _Hop, address: str) -> httpx2.Request:
        # The URL names the checked address; Host and SNI name the host that was asked for.
        return httpx2.Request(
            "GET",
            hop.target.copy_with(host=address),
            headers={
                "Host": hop.target.netloc.decode("ascii"),
                "User-Agent": self._user_agent,
                "Accept": _ACCEPT,
                "Accept-Encoding": "gzip",
                "Connection": "close",
                **hop.headers,
            },
            extensions={
                "sni_hostname": hop.target.host,
                "timeout": {"connect": hop.connect_s},
            },
        )

    async def _read(self, hop: _Hop, response: httpx2.Response) -> FetchedFeed | _Redirect:
        status = response.status_code
        location = response.headers.get("location")
        if status in _REDIRECTS and location:
            return _Redirect(location=location, permanent=status in _PERMANENT)
        wait_s = retry_after_s(response.headers.get("retry-after"), now=_replied_at(response))
        if status == 410:
            raise FetchError(
                hop.asked, "the server says it is gone for good", http_status=410, gone=True
            )
        is_unchanged = status == 304 and bool(hop.headers)
        if not is_unchanged and status not in (200, 203):
            raise FetchError(
                hop.asked,
                f"the server answered {_status_words(status)}",
                http_status=status,
                retry_after_s=wait_s,
            )
        return FetchedFeed(
            url=str(hop.target),
            http_status=status,
            body=None if is_unchanged else await self._body(hop, response),
            content_type=str(response.headers.get("content-type", ""))[:200],
            etag=validator(response.headers.get("etag")),
            last_modified=validator(response.headers.get("last-modified")),
            max_age_s=max_age_s(response.headers.get("cache-control")),
            retry_after_s=wait_s,
        )

    async def _body(self, hop: _Hop, response: httpx2.Response) -> bytes:
        """Read and decompress, never holding more than the cap and one chunk."""
        limit = self._settings.max_bytes
        too_long = FetchError(
            hop.asked, f"more than {limit:,} bytes", http_status=response.status_code
        )
        coding = str(response.headers.get("content-encoding", "identity")).strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip"):
            raise FetchError(
                hop.asked,
                f"it is compressed in a way we do not read ({coding[:40]})",
                http_status=response.status_code,
            )
        unpack = Unpacker(limit) if coding.endswith("gzip") else None
        body = bytearray()
        received = 0
        async for chunk in response.aiter_raw():
            received += len(chunk)
            try:
                body += unpack.feed(chunk) if unpack else chunk
            except zlib.error as exc:
                raise FetchError(
                    hop.asked, "its compression is broken", http_status=response.status_code
                ) from exc
            # Both are counted: a stream of empty blocks unpacks to nothing, for ever.
            if len(body) > limit or received > limit:
                raise too_long
        if unpack and not unpack.is_complete:
            raise FetchError(
                hop.asked, "its compression breaks off", http_status=response.status_code
            )
        return bytes(body)


@dataclass(slots=True, kw_only=True)
class _Hop:
    """One request on the way to a document; `http_status` is set when it answers."""

    asked: str
    target: httpx2.URL
    trusted: Origin | None
    redirected: bool
    headers: dict[str, str]
    connect_s: float
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redirect:
    location: str
    permanent: bool


def default_user_agent(operator_email: str) -> str:
    """Name ourselves and whom to write to, as feed hosts ask for."""
    try:
        ours = f"paper-digest/{version('paper-digest')}"
    except PackageNotFoundError:
        ours = "paper-digest"
    contact = operator_email.strip()
    usable = contact.isascii() and contact.isprintable() and contact
    return f"{ours} (feed reader; mailto:{contact})" if usable else f"{ours} (feed reader)"


def _join(base: httpx2.URL, location: str, asked: str) -> httpx2.URL:
    try:
        return base.join(location)
    except (httpx2.InvalidURL, ValueError, TypeError) as exc:
        raise FetchError(asked, "redirects to something that is no URL") from exc


def _with_moved_to(reply: FetchedFeed, moved_to: str | None) -> FetchedFeed:
    return replace(reply, moved_to=moved_to) if moved_to else reply


def _connect_cause(error: Exception | None, connect_s: float) -> str:
    if isinstance(error, httpx2.ConnectTimeout):
        return f"no connection within {connect_s:.2g} s"
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return "its TLS certificate is not valid"
    if "SSL" in said or "TLS" in said:
        return "it does not speak TLS as we do"
    return "it refuses connections"


def _status_words(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _replied_at(response: httpx2.Response) -> datetime:
    """Return the server's own time, by which its Retry-After date is meant."""
    try:
        said = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return datetime.now(UTC)
    return said if said.tzinfo else said.replace(tzinfo=UTC)
