from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.digests.message import Body, Encoded, MailHeaders, build_message, encode_phrase
from digest.digests.plain import header_text
from digest.errors import DeliveryError
from digest.model import Message, Rendered

UNSUBSCRIBE = "https://papers.example.org/unsubscribe/" + "a1B2-_" * 40
MAILTO = "mailto:b+MTIz.c2ln@papers.example.org?subject=unsubscribe"


def digest_headers(
    *,
    sender: str = "Daily papers <digest@papers.example.org>",
    recipient: str = "ada@example.org",
    message_id: str = "<2026-02-03.7.k3@papers.example.org>",
    date_at: datetime = datetime(2026, 2, 3, 7, 0, 5, tzinfo=UTC),
    reply_to: str = "",
    list_id: str = "daily-papers.papers.example.org",
    unsubscribe_url: str = UNSUBSCRIBE,
    archive_url: str = "https://papers.example.org/digests/abc",
) -> MailHeaders:
    return MailHeaders(
        sender=sender,
        recipient=recipient,
        envelope_from="b+MTIz.c2ln@papers.example.org",
        message_id=message_id,
        date_at=date_at,
        reply_to=reply_to,
        list_id=list_id,
        unsubscribe_url=unsubscribe_url,
        unsubscribe_mailto=MAILTO,
        help_url="https://papers.example.org/login",
        archive_url=archive_url,
    )


def rendered(
    subject: str = "3 papers", text: str = "text\n", html: str = "<p>html</p>\n"
) -> Encoded:
    return Encoded.of(Rendered(subject=subject, text=text, html=html))


def read(message: Message) -> EmailMessage:
    parsed = message_from_bytes(message.content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_digest_carries_every_promised_header() -> None:
    message = build_message(rendered(), headers=digest_headers(reply_to="help@example.org"))

    head = message.content.split(b"\r\n\r\n")[0].decode("ascii")
    assert head.split("\r\n")[:-2] == [
        "From: Daily papers <digest@papers.example.org>",
        "To: ada@example.org",
        "Subject: 3 papers",
        "Date: Tue, 03 Feb 2026 07:00:05 +0000",
        "Message-ID: <2026-02-03.7.k3@papers.example.org>",
        "Reply-To: help@example.org",
        "List-Id: <daily-papers.papers.example.org>",
        f"List-Unsubscribe: <{UNSUBSCRIBE}>,",
        f" <{MAILTO}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Help: <https://papers.example.org/login>",
        "List-Archive: <https://papers.example.org/digests/abc>",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "MIME-Version: 1.0",
    ]
    assert message.recipient == "ada@example.org"
    assert message.envelope_from == "b+MTIz.c2ln@papers.example.org"
    assert message.message_id == "<2026-02-03.7.k3@papers.example.org>"


def test_letter_carries_no_list_headers() -> None:
    headers = MailHeaders(
        sender="digest@localhost",
        recipient="ada@example.org",
        envelope_from="",
        message_id="<l.1@localhost>",
        date_at=datetime(2026, 2, 3, tzinfo=UTC),
    )

    message = build_message(rendered(), headers=headers)

    names = {name.lower() for name in read(message)}
    assert not {name for name in names if name.startswith("list-") or name == "precedence"}
    assert "auto-submitted" in names
    assert message.envelope_from == ""


def test_parts_are_text_then_html_in_explicit_encodings() -> None:
    parsed = read(build_message(rendered(), headers=digest_headers()))

    parts = list(parsed.iter_parts())

    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable"] * 2
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]


def test_same_mail_is_built_byte_for_byte_on_every_attempt() -> None:
    first = build_message(rendered(), headers=digest_headers())
    second = build_message(rendered(), headers=digest_headers())

    assert first.content == second.content


def test_scripts_outside_latin_travel_as_base64() -> None:
    body = Body.of_text("深層学習による疎な特徴の抽出\n" * 20)

    assert body.encoding == "base64"
    assert max(map(len, body.content.split(b"\r\n"))) == 76
    assert body.decoded() == "深層学習による疎な特徴の抽出\n" * 20


def test_size_is_what_the_bodies_take() -> None:
    mail = rendered(text="a" * 1000, html="b" * 2000)

    message = build_message(mail, headers=digest_headers())

    assert 0 < len(message.content) - mail.size < 1800


def test_sender_with_special_characters_is_quoted() -> None:
    headers = digest_headers(sender='"Papers, Daily (\\"new\\")" <digest@papers.example.org>')

    parsed = read(build_message(rendered(), headers=headers))

    assert parseaddr(parsed["From"]) == ('Papers, Daily ("new")', "digest@papers.example.org")


def test_naive_date_is_refused() -> None:
    headers = digest_headers(date_at=datetime(2026, 2, 3))  # noqa: DTZ001 - on purpose

    with pytest.raises(ValueError, match="aware"):
        build_message(rendered(), headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        digest_headers(recipient="ada@example.org\r\nRCPT TO:<eve@example.org>"),
        digest_headers(recipient="ada@example.org, eve@example.org"),
        digest_headers(recipient="ada@exämple.org"),
        digest_headers(recipient=""),
        digest_headers(message_id="no brackets"),
        digest_headers(message_id="<a@b>\r\nX: y"),
        digest_headers(list_id="a> b"),
        digest_headers(unsubscribe_url="https://x/\r\nBcc: eve@example.org"),
        digest_headers(unsubscribe_url="https://x/>, <https://eve"),
        digest_headers(archive_url="https://x/" + "a" * 1000),
        digest_headers(sender="Somebody without address"),
    ],
)
def test_values_that_would_break_the_mail_are_refused(headers: MailHeaders) -> None:
    with pytest.raises(DeliveryError, match="cannot stand in a mail") as caught:
        build_message(rendered(), headers=headers)

    assert caught.value.permanent


HOSTILE = [
    "=?utf-8?q?hi=0D=0ABcc=3A_eve=40example=2Eorg?=",
    "a\r\nBcc: eve@example.org",
    "a\nBcc: eve@example.org\n\n<script>",
    "a\r\n\r\nbody",
    "==?utf-8?b?SGk=?=",
    "a\x00b\x0bc\x85d\u2028e",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_title_adds_no_header_and_no_body(title: str) -> None:
    message = build_message(rendered(subject=title), headers=digest_headers(sender="d@localhost"))

    parsed = read(message)

    assert parsed["Bcc"] is None
    assert parsed["Subject"] == header_text(title)
    assert len(parsed.keys()) == 14
    assert len(list(parsed.iter_parts())) == 2


titles = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=st.sampled_from('ab =?_\r\n\t"<>,:;@\\äé中😀א\u200d\u0301'), max_size=120),
    st.sampled_from(HOSTILE),
)


@given(titles)
def test_any_subject_reads_back_and_adds_no_header(title: str) -> None:
    message = build_message(rendered(subject=title), headers=digest_headers())

    parsed = read(message)

    assert parsed["Subject"] == header_text(title)
    assert sorted(parsed.keys()) == sorted(
        [
            *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe"),
            *("List-Unsubscribe-Post", "List-Help", "List-Archive", "Auto-Submitted"),
            *("Precedence", "MIME-Version", "Content-Type"),
        ]
    )
    assert parsed["List-Unsubscribe"].split(", ") == [f"<{UNSUBSCRIBE}>", f"<{MAILTO}>"]


@given(titles)
def test_any_sender_name_reads_back(name: str) -> None:
    clean = header_text(name)
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    headers = digest_headers(sender=f'"{quoted}" <digest@papers.example.org>')

    message = build_message(rendered(), headers=headers)

    assert len(read(message)["From"].addresses) == 1
    # The new parser of 3.11 puts a space between two encoded-words of a name; RFC 2047 does not.
    raw = message_from_bytes(message.content, policy=policy.compat32)["From"]
    name_part, address = parseaddr(raw)
    assert address == "digest@papers.example.org"
    assert str(make_header(decode_header(name_part))) == clean


@given(
    st.text(max_size=400) | st.text(alphabet=".\nab =é", max_size=400),
    st.text(max_size=400) | st.just("." * 300),
)
def test_any_body_reads_back_in_short_crlf_lines(text: str, html: str) -> None:
    message = build_message(rendered(text=text, html=html), headers=digest_headers())

    lines = message.content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert message.is_7bit
    assert message.content.isascii()
    assert message.has_no_dot_lines
    assert not any(line.startswith(b".") for line in lines)
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)
    parts = [part.get_content() for part in read(message).iter_parts()]
    assert [part.replace("\r\n", "\n").rstrip("\n") for part in parts] == [
        body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") for body in (text, html)
    ]


@given(titles)
def test_encoded_words_are_folded_within_the_line_limit(title: str) -> None:
    value = encode_phrase(title, header_name="Subject")

    lines = f"Subject: {value}".split("\r\n")
    assert all(len(line) <= 78 for line in lines[1:])
    assert all(line.startswith(" ") for line in lines[1:])
    assert len(lines[0]) <= 210
