"""What others say of our mail: SpamAssassin, html-validate, and RFC 8058 read line by line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from digest.digests.message import Encoded, MailHeaders, build_message
from digest.digests.render import DigestRenderer
from digest.model import DeliveryId, Digest, Message, Period, SubscriberId
from digest.resources import resource_dir
from digest.subscribers.actions import action_tokens
from digest.subscribers.links import digest_links, feedback_id
from digest.subscribers.tokens import TokenSigner
from tests.support.digests import (
    awkward_papers,
    make_digest,
    one_paper,
    three_papers,
    twenty_papers,
    welcome,
)

SIGNER = TokenSigner(["a secret key of thirty-two characters"])
RENDERER = DigestRenderer(resource_dir("templates"), service_name="Daily papers")
TWENTY = make_digest(twenty_papers().matches, left_over=12, carried=12)
FIVE = make_digest(TWENTY.matches[:5])
THIN = replace(one_paper(), notices=("arXiv announces nothing on Saturdays.",))
# A relay adds these before any filter sees the mail. The address is a real one, for the
# filter takes those that stand in examples to be forged.
RECEIVED = (
    b"Received: from papers.example.org (papers.example.org [193.0.6.139])\r\n"
    b"\tby mx.example.org (Postfix) with ESMTPS id 4711; Tue, 03 Feb 2026 07:00:06 +0000\r\n"
)
# A mail program reads styles from the elements, and Outlook its comments; neither is a page.
HTML_RULES = {
    "root": True,
    "extends": ["html-validate:recommended", "html-validate:a11y"],
    "rules": {"no-inline-style": "off", "no-conditional-comment": "off"},
}


def encoded(digest: Digest) -> Encoded:
    links = digest_links(
        SIGNER,
        base_url="https://papers.example.org",
        subscriber_id=SubscriberId(7),
        delivery_id=DeliveryId(4711),
        unsubscribe_address="digest@papers.example.org",
    )
    return RENDERER.encode(
        digest, links, action_tokens(SIGNER, DeliveryId(4711), range(len(digest.matches)))
    )


def message(digest: Digest) -> Message:
    links = digest_links(
        SIGNER,
        base_url="https://papers.example.org",
        subscriber_id=SubscriberId(7),
        delivery_id=DeliveryId(4711),
        unsubscribe_address="digest@papers.example.org",
    )
    headers = MailHeaders(
        sender="Daily papers <digest@papers.example.org>",
        recipient="ada@example.org",
        envelope_from="b@papers.example.org",
        message_id="<dGhpcyBpcyBhIHRlc3Q@papers.example.org>",
        date_at=datetime(2026, 2, 3, 7, tzinfo=UTC),
        list_id="daily.papers.example.org",
        unsubscribe_url=links.unsubscribe,
        unsubscribe_mailto=links.unsubscribe_mailto,
        help_url=links.manage,
        archive_url=links.web,
        feedback_id=feedback_id(
            SIGNER.bounce_local_part(4711),
            Period("2026-02-03"),
            list_id="daily.papers.example.org",
        ),
    )
    return build_message(encoded(digest), headers=headers)


def lacking(what: str, how: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has no {what}, though it installs one")
    pytest.skip(f"no {what} here: {how}")


@pytest.mark.parametrize("digest", [one_paper(), FIVE, TWENTY], ids=["1", "5", "20"])
def test_spamassassins_own_rules_are_in_favour_of_a_digest(digest: Digest) -> None:
    program = shutil.which("spamassassin")
    if program is None:
        lacking("SpamAssassin", "apt-get install spamassassin")

    done = subprocess.run(
        [program, "-L", "-t"],
        input=RECEIVED + message(digest).content,
        capture_output=True,
        check=True,
        timeout=300,
    )

    report = done.stdout.decode("utf-8", errors="replace")
    found = re.search(r"Content analysis details:\s+\((-?[\d.]+) points", report)
    assert found is not None, report
    assert float(found[1]) < 0, report


def test_html_validate_finds_nothing_in_any_digest(tmp_path: Path) -> None:
    program = os.environ.get("HTML_VALIDATE") or shutil.which("html-validate")
    if not program:
        lacking("html-validate", "set HTML_VALIDATE to its program")
    (tmp_path / ".htmlvalidate.json").write_text(json.dumps(HTML_RULES), encoding="utf-8")
    digests = {
        "one": one_paper(),
        "three": three_papers(),
        "twenty": TWENTY,
        "awkward": awkward_papers(),
        "thin": THIN,
        "welcome": welcome(),
        "none": make_digest(()),
    }
    for name, digest in digests.items():
        (tmp_path / f"{name}.html").write_text(encoded(digest).decoded().html, encoding="utf-8")

    done = subprocess.run(
        [program, "--formatter", "text", *(f"{name}.html" for name in digests)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_one_click_unsubscribing_is_as_rfc_8058_asks() -> None:
    content = message(TWENTY).content

    mail = message_from_bytes(content, policy=compat32)
    ways = re.findall(r"<([^<>]*)>", mail["List-Unsubscribe"])
    assert [urlsplit(way).scheme for way in ways] == ["https", "mailto"]
    assert mail.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert len(mail.get_all("List-Unsubscribe") or []) == 1
    # Whole on one line: no folding and no encoded-word within a URL (RFC 8058 §3.1, §4).
    assert f"<{ways[0]}>".encode() in content
    assert "=?" not in mail["List-Unsubscribe"]
    assert re.fullmatch(r"/unsubscribe/[A-Za-z0-9_-]{20,64}", urlsplit(ways[0]).path)
    # The link that a person sees is the same one, so that either way leads out.
    assert ways[0] in encoded(TWENTY).decoded().html
    assert ways[0] in encoded(TWENTY).decoded().text


def test_a_digest_says_in_every_way_known_that_no_person_wrote_it() -> None:
    mail = message_from_bytes(message(TWENTY).content, policy=compat32)

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Precedence"] == "bulk"
    assert mail["List-Id"] == "<daily.papers.example.org>"
    assert mail["List-Help"] == "<https://papers.example.org/login>"
    assert str(mail["List-Archive"]).startswith("<https://papers.example.org/digests/")
    assert re.fullmatch(r"[0-9a-f]{34,50}:2026-02-03:digest:[0-9a-f]{12}", mail["Feedback-ID"])
