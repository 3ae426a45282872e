from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from digest.errors import ParseError
from digest.feeds import child
from digest.feeds.sandbox import FeedParser
from digest.feeds.wire import decode_parsed
from digest.model import FeedKind, ParsedFeed
from tests.support.feed_fixtures import FOLDER, fixture_bytes, parse_fixture, rss

URL = "https://feeds.example.org/all.xml"
# feedparser looks for an address in each author, in time that grows with its square; the
# comments hide the length of this one from our own cut.
AUTHOR = (b"a" * 4_000 + b"<!-- -->") * 20
SLOW = rss((b"<item><title>One</title><author>" + AUTHOR + b"</author></item>") * 10)


async def parse(parser: FeedParser, body: bytes) -> ParsedFeed:
    return await parser.parse(body, kind=FeedKind.AUTO, url=URL)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.[jx]*")))
def test_a_child_reads_what_we_read(name: str) -> None:
    async def scenario() -> ParsedFeed | str:
        async with FeedParser() as parser:
            try:
                return await parse(parser, fixture_bytes(name))
            except ParseError as exc:
                return exc.cause

    try:
        expected: ParsedFeed | str = parse_fixture(name)
    except ParseError as exc:
        expected = exc.cause

    assert asyncio.run(scenario()) == expected


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    async def scenario() -> tuple[str, int]:
        async with FeedParser(workers=1, timeout_s=1.0) as parser:
            await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            with pytest.raises(ParseError) as caught:
                await parse(parser, SLOW)
            parsed = await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            return caught.value.cause, len(parsed.entries)

    assert asyncio.run(scenario()) == ("it takes longer than 1 s to read", 2)


def test_a_slow_document_holds_up_no_other() -> None:
    async def scenario() -> tuple[int, bool]:
        async with FeedParser(workers=2, timeout_s=20.0) as parser:
            slow = asyncio.create_task(parse(parser, SLOW))
            quick = await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            was_busy = not slow.done()
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            return len(quick.entries), was_busy

    assert asyncio.run(scenario()) == (2, True)


def test_children_are_started_when_needed_and_used_again() -> None:
    async def scenario() -> tuple[int, int]:
        async with FeedParser(workers=2) as parser:
            before = len(parser._all)
            for _ in range(3):
                await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            return before, len(parser._all)

    assert asyncio.run(scenario()) == (0, 1)


def test_a_child_that_dies_is_replaced() -> None:
    async def scenario() -> tuple[str, int]:
        async with FeedParser(workers=1) as parser:
            await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            (worker,) = parser._all
            worker.process.kill()
            await worker.process.wait()
            with pytest.raises(ParseError) as caught:
                await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            parsed = await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            return caught.value.cause, len(parsed.entries)

    assert asyncio.run(scenario()) == ("it brought down the process that reads it", 2)


def test_a_child_is_replaced_after_many_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.feeds.sandbox._DOCUMENTS_PER_CHILD", 1)

    async def scenario() -> int:
        async with FeedParser() as parser:
            await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            return len(parser._all)

    assert asyncio.run(scenario()) == 0


def test_a_document_that_needs_too_much_memory_is_refused() -> None:
    body = rss(b"<item><title>One</title></item>" * 30_000)

    async def scenario() -> str:
        async with FeedParser(memory_bytes=40_000_000) as parser:
            with pytest.raises(ParseError) as caught:
                await parse(parser, body)
            return caught.value.cause

    # Where memory runs out decides which of these is seen; each refuses this document alone.
    assert asyncio.run(scenario()) in (
        "it needs too much memory to read",
        "it brought down the process that reads it",
        "the parser gave up on it (SystemError)",
    )


def test_a_child_has_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIGEST_SERVICE__SECRET_KEY", "not for children, who only read")

    async def scenario() -> bytes:
        async with FeedParser() as parser:
            await parse(parser, fixture_bytes("arxiv_rss20.xml"))
            (worker,) = parser._all
            return Path(f"/proc/{worker.process.pid}/environ").read_bytes()

    assert b"SECRET_KEY" not in asyncio.run(scenario())


def test_a_parser_that_was_not_opened_says_so() -> None:
    with pytest.raises(RuntimeError, match="outside its"):
        asyncio.run(parse(FeedParser(), b""))


def test_the_child_answers_each_request_and_ends_with_its_input() -> None:
    requests = io.BytesIO()
    for body in (fixture_bytes("arxiv_rss20.xml"), b"<html>"):
        header = json.dumps(
            {
                "kind": "auto",
                "url": URL,
                "content_type": "",
                "max_entries": 1,
                "body_bytes": len(body),
            }
        ).encode()
        requests.write(len(header).to_bytes(4) + header + body)
    requests.seek(0)
    replies = io.BytesIO()

    child.serve(requests, replies, cpu_s=None)

    replies.seek(0)
    first = replies.read(int.from_bytes(replies.read(4)))
    second = replies.read(int.from_bytes(replies.read(4)))
    assert len(decode_parsed(first[1:]).entries) == 1
    assert second == b"-this is an HTML page, not a feed"
    assert replies.read() == b""


def test_the_child_says_so_when_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def gluttonous(*_: object, **__: object) -> ParsedFeed:
        raise MemoryError

    monkeypatch.setattr(child, "parse_document", gluttonous)
    limited: list[float] = []
    monkeypatch.setattr(child, "limit_cpu", limited.append)
    header = json.dumps(
        {"kind": "auto", "url": URL, "content_type": "", "max_entries": 1, "body_bytes": 1}
    ).encode()
    replies = io.BytesIO()

    child.serve(io.BytesIO(len(header).to_bytes(4) + header + b"x"), replies, cpu_s=5)

    assert replies.getvalue()[4:] == b"-it needs too much memory to read"
    assert limited == [5]
