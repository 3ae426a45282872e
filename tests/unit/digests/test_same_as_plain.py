"""Every mail put together of pieces is the mail that an ordinary program would make.

The oracle renders the same templates whole, inlines the styles of the whole mail with
css-inline, and builds an `EmailMessage`; both are read back with the standard library.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.digests.message import MailHeaders, build_message
from digest.digests.render import DigestRenderer
from digest.model import (
    DeliveryId,
    Digest,
    DigestLinks,
    InterestKind,
    Link,
    Match,
    Paper,
    Reason,
    Schedule,
)
from digest.resources import resource_dir
from digest.subscribers.actions import action_tokens, mutings
from digest.subscribers.tokens import TokenSigner
from tests.support.digests import (
    LINKS,
    awkward_papers,
    make_digest,
    make_interest,
    make_paper,
    make_subscriber,
    one_paper,
    three_papers,
    twenty_papers,
    welcome,
)
from tests.support.plain_mail import PlainMail, plain_message

RENDERER = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
PLAIN = PlainMail(resource_dir("templates"), service_name="Daily papers")
SIGNER = TokenSigner(["a secret key of thirty-two characters"])
ACT_LINKS = replace(LINKS, act="https://papers.example.org/act/")
HEADERS = MailHeaders(
    sender="Daily papers <digest@papers.example.org>",
    recipient="ada@example.org",
    envelope_from="b+1@papers.example.org",
    message_id="<2026-02-03.7.k3@papers.example.org>",
    date_at=datetime(2026, 2, 3, 7, 0, 5, tzinfo=UTC),
    reply_to="help@papers.example.org",
    list_id="daily.papers.example.org",
    unsubscribe_url=LINKS.unsubscribe,
    unsubscribe_mailto=LINKS.unsubscribe_mailto,
    help_url=LINKS.manage,
    archive_url=LINKS.web,
    feedback_id="5e01ab:2026-02-03:digest:74976caefd42",
)
# The standard library reads back what it wrote only where it folds nothing.
UNFOLDED = policy.SMTP.clone(max_line_length=100_000)


def pieced(digest: Digest, links: DigestLinks = ACT_LINKS) -> EmailMessage:
    encoded = RENDERER.encode(
        digest, links, action_tokens(SIGNER, DeliveryId(4711), range(len(digest.matches)))
    )
    return read(build_message(encoded, headers=HEADERS).content)


def plain(digest: Digest, links: DigestLinks = ACT_LINKS) -> EmailMessage:
    less = [
        tuple(
            Link(
                label=one.label,
                url=links.act + action_tokens(SIGNER, DeliveryId(4711), [place])[choice].decode(),
            )
            for choice, one in mutings(match).items()
        )
        for place, match in enumerate(digest.matches)
    ]
    rendered = PLAIN.render(digest, links, less=less)
    return read(plain_message(rendered, HEADERS, policy=UNFOLDED).as_bytes())


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def headers(mail: EmailMessage) -> dict[str, str]:
    structure = {"content-type", "content-transfer-encoding", "mime-version"}
    return {name: str(value) for name, value in mail.items() if name.lower() not in structure}


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def dom(mail: EmailMessage) -> Any:
    part = mail.get_body(("html",))
    assert part is not None
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    return flat(cast("Any", parser.parse(part.get_content())))


def flat(element: Any) -> Any:
    """Return an element as plain values: its name, attributes, and what it holds."""
    return (
        str(element.tag),
        dict(element.attrib),
        (element.text or "").strip(),
        [(flat(child), (child.tail or "").strip()) for child in element],
    )


def assert_same(digest: Digest) -> None:
    ours, theirs = pieced(digest), plain(digest)

    assert headers(ours) == headers(theirs)
    assert text(ours) == text(theirs)
    assert dom(ours) == dom(theirs)
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]


@pytest.mark.parametrize(
    "digest",
    [one_paper(), three_papers(), twenty_papers(), awkward_papers(), welcome(), make_digest(())],
    ids=["one", "three", "twenty", "awkward", "welcome", "none"],
)
def test_a_digest_reads_like_the_plain_one(digest: Digest) -> None:
    assert_same(digest)


def test_a_thin_day_reads_like_the_plain_one() -> None:
    digest = make_digest(
        one_paper().matches,
        notices=("arXiv announces nothing on Saturdays.", "The feed “jmlr” is stale."),
        left_over=1,
        carried=1,
    )

    assert_same(digest)


def test_a_mail_for_those_who_want_text_alone_has_the_same_text() -> None:
    digest = replace(three_papers(), subscriber=replace(three_papers().subscriber, text_only=True))

    ours = pieced(digest)

    assert ours.get_content_type() == "text/plain"
    assert text(ours) == text(plain(digest))


wild = st.text(max_size=120) | st.text(
    alphabet=st.sampled_from(
        "ab. =?_\r\n\t\"<>&'{}%,:;@\\äé中😀א\u200d\u0301\u202e\x00\ufdd0\ufdd1"
    ),
    max_size=120,
)
urls = st.sampled_from(["https://example.org/a?b=1&c=2", "", "javascript:alert(1)", "http://x"])
links = st.lists(st.builds(Link, label=wild, url=urls), max_size=4).map(tuple)
papers: st.SearchStrategy[Paper] = st.builds(
    make_paper,
    number=st.integers(min_value=1, max_value=10**9),
    title=wild,
    abstract=wild | st.text(min_size=200, max_size=600),
    authors=st.lists(wild, max_size=5).map(tuple),
    venue=wild,
    url=urls,
    tags=st.lists(wild, max_size=5).map(tuple),
    links=links,
    upvotes=st.none() | st.integers(min_value=0, max_value=10**6),
    upvotes_change=st.none() | st.integers(min_value=-10, max_value=10**6),
)
reasons = st.builds(
    Reason,
    term=wild,
    field=st.sampled_from(["title", "abstract", "author", "tag", "feed", "upvotes"]),
    query=st.sampled_from(["a", "b", "c"]),
    without=st.lists(wild, max_size=2).map(tuple),
    asked=st.just("") | wild,
)
matches = st.builds(Match, paper=papers, reasons=st.lists(reasons, max_size=6).map(tuple))
schedules = st.builds(
    Schedule,
    timezone=st.sampled_from(["Europe/Paris", "Asia/Kolkata", "UTC"]),
    hour=st.integers(min_value=0, max_value=23),
    weekdays=st.frozensets(st.integers(min_value=0, max_value=6), min_size=1),
)
digests = st.builds(
    lambda found, schedule, notices, left_over, carried, period: make_digest(
        tuple(found),
        period=period,
        left_over=left_over,
        carried=min(left_over, carried),
        notices=tuple(notices),
        subscriber=make_subscriber(
            schedule=schedule, interests=(make_interest("x", 1, InterestKind.KEYWORD),)
        ),
    ),
    st.lists(matches, max_size=4),
    schedules,
    st.lists(wild, max_size=2),
    st.integers(min_value=0, max_value=3000),
    st.integers(min_value=0, max_value=20),
    st.sampled_from(["2026-02-03", "welcome"]),
)


@settings(max_examples=150, deadline=None)
@given(digests)
def test_any_digest_reads_like_the_plain_one(digest: Digest) -> None:
    assert_same(digest)
