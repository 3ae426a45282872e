"""Titles, names and subjects from outside, through all that makes a digest's message."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest

from digest.delivery.composing import DigestComposer, Sender
from digest.digests.card import printed_title
from digest.digests.plain import header_text, one_line, shorten
from digest.digests.render import DigestRenderer
from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Digest,
    Match,
    Message,
    PaperId,
    Period,
    PlannedPaper,
    Reason,
    SubscriberId,
)
from digest.resources import resource_dir
from digest.subscribers.tokens import TokenSigner
from tests.support.digests import make_digest, make_paper

NOW = datetime(2026, 2, 3, 7, tzinfo=UTC)
RENDERER = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
SIGNER = TokenSigner(["a secret key of thirty-two characters"])
START = "1 paper for Tue 3 Feb: "
HEADERS = sorted(
    [
        *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe"),
        *("List-Unsubscribe-Post", "List-Help", "List-Archive", "Feedback-ID"),
        *("Auto-Submitted", "Precedence", "MIME-Version", "Content-Type"),
    ]
)
SEEDS = [
    "=?utf-8?q?hi=0D=0ABcc=3A_eve=40example=2Eorg?=",
    "=?utf-8?b?aGkNCkJjYzogZXZlQGV4YW1wbGUub3Jn?=",
    "==?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=?utf-8?q?=0D=0A?=",
    "a\r\nBcc: eve@example.org",
    "a\nBcc: eve@example.org\n\n<script>alert(1)</script>",
    "a\r\n\r\n.\r\nMAIL FROM:<eve@example.org>",
    "\r\n.\r\n",
    "..\n.",
    "From eve@example.org Tue Feb  3",
    "a\x00b\x0bc\x0cd\x1be\x7ff\x85g\u2028h\u2029i",
    "\u202egnirts\u202c \u2066x\u2069 \u200f\u061c\ufeff\u200b",
    "\ud800\udfff\ufdd0why\ufdd1\ufdd2x\ufdd4\ufdd4 4\ufdd5",
    "{{ view }}{% raw %}<img src=x onerror=alert(1)>&amp;\"'>",
    '"; filename=x, <eve@example.org>, (comment) \\',
    "--=_" + "a" * 32 + "--",
    "=\n=\r\n=20=\n=3D",
    "x" * 10_240,
    "漢" * 10_240,
    "=?" * 5_000,
    "😀\u200d\u0301" * 3_000,
]


def random_text(draw: random.Random) -> str:
    planes = [(0x20, 0x7F), (0xA0, 0x250), (0x370, 0x700), (0x900, 0xE00), (0x3000, 0xD7FF)]
    planes += [(0x1F300, 0x1FAFF), (0x0, 0x10FFFF), (0x20, 0x7F)]
    chars = []
    for _ in range(draw.randint(0, 220)):
        low, high = draw.choice(planes)
        chars.append(" " if draw.random() < 0.15 else chr(draw.randint(low, high)))
    return "".join(chars)


def random_texts() -> Iterator[tuple[str, str]]:
    draw = random.Random(20260203)
    for _ in range(1_000):
        yield random_text(draw), random_text(draw)


def hostile_texts() -> Iterator[tuple[str, str]]:
    """Each seed alone, within words, doubled, and beside every other."""
    draw = random.Random(8058)
    for number in range(200):
        seed, other = SEEDS[number % len(SEEDS)], draw.choice(SEEDS)
        yield (
            [seed, f"A study of {seed} in mice", seed + seed, f"{seed} {other}", f"{other}{seed}"][
                number // len(SEEDS) % 5
            ],
            draw.choice([seed, other, f"Eve {seed}", f"{other}, E."]),
        )


def build(title: str, name: str) -> Message:
    paper = make_paper(
        1, title, abstract=f"{name} {title}", authors=(name, title), venue=name, tags=(name, title)
    )
    digest = make_digest(
        (Match(paper=paper, reasons=(Reason(term=title, field="title", without=(name,)),)),),
        notices=(title,),
    )
    quoted = header_text(name).replace("\\", "\\\\").replace('"', '\\"')
    sender = Sender(
        sender=f'"{quoted}" <digest@papers.example.org>',
        reply_to="",
        list_id="daily.papers.example.org",
        bounce_domain="bounces.example.org",
        base_url="https://papers.example.org",
    )
    return DigestComposer(RENDERER, SIGNER, sender).build(delivery(digest), digest, [0])


def delivery(digest: Digest) -> Delivery:
    return Delivery(
        id=DeliveryId(4711),
        subscriber_id=SubscriberId(7),
        period=Period("2026-02-03"),
        state=DeliveryState.CLAIMED,
        scheduled_at=digest.scheduled_at,
        closes_at=NOW + timedelta(days=1),
        prepared_at=NOW,
        papers=(PlannedPaper(paper_id=PaperId(1), query_ids=()),),
        message_id="<4711@papers.example.org>",
        message_date_at=NOW,
    )


def assert_reads_back(message: Message, title: str, name: str) -> None:
    content = message.content
    lines = content.split(b"\r\n")
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert content.isascii()
    assert message.is_7bit
    assert message.has_no_dot_lines
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    assert len(content) < 90_000
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert sorted(mail.keys()) == HEADERS
    assert not mail.defects
    printed = printed_title(make_paper(1, title))
    assert mail["Subject"] == header_text(START + shorten(printed, 70 - len(START)))
    assert mail["To"] == "ada@example.org"
    # The new parser of 3.11 puts a space between two encoded-words of a name; RFC 2047 does not.
    raw = message_from_bytes(content, policy=policy.compat32)["From"]
    shown, address = parseaddr(raw)
    assert address == "digest@papers.example.org"
    assert str(make_header(decode_header(shown))) == shorten(header_text(name), 200)
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    text = parts[0].get_content()
    assert "".join(printed.split()) in "".join(text.split())
    assert "<script>" not in parts[1].get_content()
    assert "".join(one_line(name).split())[:30] in "".join(text.split())


def test_a_thousand_random_titles_and_names_read_back() -> None:
    for title, name in random_texts():
        assert_reads_back(build(title, name), title, name)


def test_two_hundred_hostile_titles_and_names_add_no_header_and_no_line() -> None:
    for title, name in hostile_texts():
        assert_reads_back(build(title, name), title, name)


@pytest.mark.parametrize("title", SEEDS, ids=range(len(SEEDS)))
def test_no_character_that_hides_or_turns_text_is_left(title: str) -> None:
    mail = message_from_bytes(build(title, title).content, policy=policy.default)
    assert isinstance(mail, EmailMessage)

    seen = "".join(str(part.get_content()) for part in mail.iter_parts()) + str(mail["Subject"])

    assert not set(seen) & set("\x00\x0b\x1b\u202e\u202c\u2066\u2069\u200f\u061c\ufeff\ufdd0\ufdd5")
