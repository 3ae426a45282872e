from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from digest.errors import FetchError
from digest.feeds.fetch import FeedFetcher, default_user_agent
from digest.model import FetchedFeed
from digest.settings import FeedsSettings
from tests.support.feed_server import FeedServer, Reply

FEED = b'<rss version="2.0"><channel><title>A feed</title></channel></rss>'
LOOPBACK = FeedsSettings(allow_private_addresses=True, timeout_s=5)

Scenario = Callable[[FeedServer, FeedFetcher], Awaitable[FetchedFeed]]


async def to_loopback(host: str, port: int) -> Sequence[str]:
    """Say that every name is this machine."""
    return ["127.0.0.1"]


def play(
    scenario: Scenario,
    *,
    settings: FeedsSettings = LOOPBACK,
    resolver: Callable[[str, int], Awaitable[Sequence[str]]] = to_loopback,
    server: FeedServer | None = None,
) -> FetchedFeed:
    async def run() -> FetchedFeed:
        async with (
            server or FeedServer() as running,
            FeedFetcher(settings, operator_email="ops@example.org", resolver=resolver) as fetcher,
        ):
            return await scenario(running, fetcher)

    return asyncio.run(run())


def fetch_of(reply: Reply | Sequence[Reply]) -> Scenario:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch(server.script("/feed", reply))

    return scenario


def test_a_document_comes_with_what_matters_for_the_next_poll() -> None:
    headers = {
        "Content-Type": "application/rss+xml",
        "Last-Modified": "Mon, 02 Feb 2026 08:00:00 GMT",
        "Cache-Control": "max-age=600",
    }

    fetched = play(fetch_of(Reply(body=FEED, etag='"1"', headers=headers)))

    assert fetched.body == FEED
    assert fetched.http_status == 200
    assert fetched.content_type == "application/rss+xml"
    assert fetched.etag == '"1"'
    assert fetched.last_modified == "Mon, 02 Feb 2026 08:00:00 GMT"
    assert fetched.max_age_s == 600
    assert fetched.moved_to is None


def test_the_request_says_who_asks_and_what_we_have() -> None:
    server = FeedServer()

    async def scenario(running: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch(
            running.script("/feed", Reply(body=FEED)), etag='"1"', last_modified="yesterday"
        )

    play(scenario, server=server)

    headers = server.requests[0].headers
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert "mailto:ops@example.org" in headers["user-agent"]
    assert headers["accept-encoding"] == "gzip"
    assert headers["if-none-match"] == '"1"'
    assert headers["if-modified-since"] == "yesterday"


def test_an_unchanged_document_is_not_sent_again() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        url = server.script("/feed", Reply(body=FEED, etag='"1"'))
        first = await fetcher.fetch(url)
        return await fetcher.fetch(url, etag=first.etag)

    fetched = play(scenario)

    assert fetched.http_status == 304
    assert fetched.body is None


def test_a_304_that_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(FetchError, match=r"the server answered 304 \(Not Modified\)"):
        play(fetch_of(Reply(status=304)))


def test_a_gzipped_document_is_unpacked() -> None:
    reply = Reply(body=gzip.compress(FEED), headers={"Content-Encoding": "gzip"})

    assert play(fetch_of(reply)).body == FEED


def test_a_gzip_bomb_is_refused_at_the_cap() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)

    with pytest.raises(FetchError, match="more than 5,000,000 bytes"):
        play(fetch_of(Reply(body=bomb, headers={"Content-Encoding": "gzip"})))


def test_a_document_over_the_cap_is_refused() -> None:
    settings = FeedsSettings(allow_private_addresses=True, max_bytes=10_000)

    with pytest.raises(FetchError, match="more than 10,000 bytes"):
        play(fetch_of(Reply(body=b"x" * 10_001)), settings=settings)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (
            Reply(body=b"plain", headers={"Content-Encoding": "gzip"}),
            "its compression is broken",
        ),
        (
            Reply(body=gzip.compress(FEED)[:-9], headers={"Content-Encoding": "gzip"}),
            "its compression breaks off",
        ),
        (
            Reply(body=b"x", headers={"Content-Encoding": "br"}),
            r"compressed in a way we do not read \(br\)",
        ),
        (Reply(body=FEED, cut_after=10), "the connection broke off"),
        (Reply(raw=b""), "the server broke off or does not speak HTTP"),
        (Reply(raw=b"220 mail.example ESMTP\r\n"), "does not speak HTTP"),
        (Reply(status=404), r"the server answered 404 \(Not Found\)"),
        (Reply(status=799), "the server answered 799"),
        (Reply(status=204), r"the server answered 204 \(No Content\)"),
    ],
)
def test_a_bad_reply_is_told_in_plain_words(reply: Reply, cause: str) -> None:
    with pytest.raises(FetchError, match=cause):
        play(fetch_of(reply))


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_handed_on(status: int) -> None:
    with pytest.raises(FetchError) as caught:
        play(fetch_of(Reply(status=status, headers={"Retry-After": "120"})))

    assert caught.value.http_status == status
    assert caught.value.retry_after_s == 120
    assert not caught.value.gone


def test_retry_after_as_a_date_is_counted_from_the_servers_own_time() -> None:
    headers = {
        "Date": "Mon, 02 Feb 2026 08:00:00 GMT",
        "Retry-After": "Mon, 02 Feb 2026 08:10:00 GMT",
    }

    with pytest.raises(FetchError) as caught:
        play(fetch_of(Reply(status=503, headers=headers)))

    assert caught.value.retry_after_s == 600


def test_410_means_gone() -> None:
    with pytest.raises(FetchError, match="gone for good") as caught:
        play(fetch_of(Reply(status=410)))

    assert caught.value.gone
    assert caught.value.http_status == 410


@pytest.mark.parametrize(
    ("reply", "cause", "status"),
    [
        (Reply(body=FEED, pause_s=60), "no answer within 0.3 s", None),
        (Reply(body=FEED, byte_pause_s=1), "no complete answer within 0.3 s", 200),
        (Reply(body=FEED, byte_pause_s=0.05), "no complete answer within 0.3 s", 200),
    ],
)
def test_a_server_that_hangs_or_drips_is_left_after_the_time_in_all(
    reply: Reply, cause: str, status: int | None
) -> None:
    settings = FeedsSettings(allow_private_addresses=True, timeout_s=0.3)

    with pytest.raises(FetchError, match=cause) as caught:
        play(fetch_of(reply), settings=settings)

    assert caught.value.http_status == status


def test_a_name_server_that_hangs_is_left_too() -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    settings = FeedsSettings(allow_private_addresses=True, timeout_s=0.3)
    with pytest.raises(FetchError, match=r"no answer within 0\.3 s"):
        play(fetch_of(Reply(body=FEED)), settings=settings, resolver=silent)


def test_a_closed_port_is_told() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch("http://127.0.0.1:1/feed")

    with pytest.raises(FetchError, match="it refuses connections"):
        play(scenario)


def test_a_server_without_tls_is_told() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch(f"https://127.0.0.1:{server.port}/feed")

    with pytest.raises(FetchError, match="it does not speak TLS as we do"):
        play(scenario)


def test_a_server_that_hangs_in_the_tls_handshake_is_left() -> None:
    server = FeedServer()
    server.tls_pause_s = 60

    async def scenario(running: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch(f"https://127.0.0.1:{running.port}/feed")

    settings = FeedsSettings(allow_private_addresses=True, timeout_s=0.5)
    with pytest.raises(FetchError, match=r"no connection within 0\.45 s"):
        play(scenario, settings=settings, server=server)


def test_a_permanent_redirect_is_followed_and_to_be_stored() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        server.script("/new", Reply(body=FEED))
        return await fetcher.fetch(
            server.script("/old", Reply(status=301, headers={"Location": "/new"}))
        )

    fetched = play(scenario)

    assert fetched.body == FEED
    assert fetched.moved_to is not None
    assert fetched.moved_to.endswith("/new")


def test_a_chain_with_one_temporary_redirect_is_not_to_be_stored() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        server.script("/c", Reply(body=FEED))
        server.script("/b", Reply(status=302, headers={"Location": "/c"}))
        return await fetcher.fetch(
            server.script("/a", Reply(status=308, headers={"Location": "/b"}))
        )

    assert play(scenario).moved_to is None


def test_where_a_feed_moved_to_is_asked_first() -> None:
    server = FeedServer()

    async def scenario(running: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        moved_to = running.script("/new", Reply(body=FEED))
        return await fetcher.fetch(running.url("/old"), moved_to=moved_to)

    fetched = play(scenario, server=server)

    assert server.paths() == ["/new"]
    assert fetched.moved_to == server.url("/new")


def test_a_redirect_loop_ends_after_three() -> None:
    server = FeedServer()
    reply = Reply(status=302, headers={"Location": "/feed"})

    with pytest.raises(FetchError, match="redirects more than 3 times"):
        play(fetch_of(reply), server=server)

    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("http://10.0.0.1/", "redirects to a private address"),
        ("http://169.254.169.254/latest/meta-data/", "redirects to a private address"),
        ("http://[::1]/", "redirects to a private address"),
        ("http://127.0.0.1/", "redirects to a private address"),
        ("http://93.184.215.14:8080/", "redirects to port 8080"),
        ("file:///etc/passwd", "only http and https"),
        ("http://user:secret@93.184.215.14/", "user name or password"),
        ("http://[::1", "redirects to something that is no URL"),
    ],
)
def test_a_redirect_elsewhere_inside_is_refused(location: str, cause: str) -> None:
    async def literal(host: str, port: int) -> Sequence[str]:
        return [host]

    with pytest.raises(FetchError, match=cause):
        play(fetch_of(Reply(status=302, headers={"Location": location})), resolver=literal)


def test_a_redirect_without_a_location_is_an_error() -> None:
    with pytest.raises(FetchError, match=r"the server answered 302 \(Found\)"):
        play(fetch_of(Reply(status=302)))


def test_private_addresses_are_refused_unless_allowed() -> None:
    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        return await fetcher.fetch("http://feeds.example.org/feed")

    with pytest.raises(FetchError, match="leads to a private address"):
        play(scenario, settings=FeedsSettings())


def test_a_name_is_resolved_once_so_that_a_second_answer_changes_nothing() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        server.script("/feed", Reply(body=FEED))
        return await fetcher.fetch(f"http://feeds.example.org:{server.port}/feed")

    fetched = play(scenario, resolver=rebinding)

    assert fetched.body == FEED
    assert asked == ["feeds.example.org"]


def test_the_answer_to_a_second_question_is_checked_again() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        server.script("/feed", Reply(status=302, headers={"Location": "/feed"}))
        return await fetcher.fetch(f"http://feeds.example.org:{server.port}/feed")

    with pytest.raises(FetchError, match="redirects to a private address"):
        play(scenario, resolver=rebinding)


def test_a_second_address_is_tried_when_the_first_refuses() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    async def scenario(server: FeedServer, fetcher: FeedFetcher) -> FetchedFeed:
        server.script("/feed", Reply(body=FEED))
        return await fetcher.fetch(f"http://feeds.example.org:{server.port}/feed")

    assert play(scenario, resolver=two).body == FEED


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1/")

    assert play(fetch_of(Reply(body=FEED))).body == FEED


def test_the_settings_user_agent_wins() -> None:
    server = FeedServer()
    settings = FeedsSettings(allow_private_addresses=True, user_agent="lab-digest/1")

    play(fetch_of(Reply(body=FEED)), settings=settings, server=server)

    assert server.requests[0].headers["user-agent"] == "lab-digest/1"


def test_a_contact_that_no_header_can_carry_is_left_out() -> None:
    assert "mailto" not in default_user_agent("ops\r\nX: y@example.org")
    assert "mailto" not in default_user_agent("")


def test_a_fetcher_that_was_not_opened_says_so() -> None:
    async def scenario() -> None:
        await FeedFetcher(LOOPBACK, resolver=to_loopback).fetch("http://127.0.0.1:9/")

    with pytest.raises(RuntimeError, match="outside its"):
        asyncio.run(scenario())


TLS = Path(__file__).resolve().parents[2] / "support" / "tls"


def fetch_over_tls(host: str) -> tuple[FetchedFeed, dict[str, str]]:
    """Fetch from a server whose certificate is for localhost, under some name."""

    async def run() -> tuple[FetchedFeed, dict[str, str]]:
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(TLS / "server.crt", TLS / "server.key")
        trusted = ssl.create_default_context(cafile=str(TLS / "server.crt"))
        async with (
            FeedServer(tls=serving) as server,
            FeedFetcher(LOOPBACK, resolver=to_loopback, tls=trusted) as fetcher,
        ):
            server.script("/feed", Reply(body=FEED))
            fetched = await fetcher.fetch(f"https://{host}:{server.port}/feed")
            return fetched, server.requests[0].headers

    return asyncio.run(run())


def test_a_certificate_is_checked_for_the_name_asked_for_not_the_address() -> None:
    fetched, headers = fetch_over_tls("localhost")

    assert fetched.body == FEED
    assert headers["host"].startswith("localhost:")


def test_a_certificate_for_another_name_is_refused() -> None:
    with pytest.raises(FetchError) as caught:
        fetch_over_tls("feeds.example.org")

    assert caught.value.cause == "its TLS certificate is not valid"
