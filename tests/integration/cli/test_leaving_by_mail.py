"""Leaving by what a digest itself offers: its headers, taken out of a mail that was sent.

Mail programs and providers read two headers and act on them (RFC 2369, RFC 8058). Each
way is walked from the file in the outbox to the next run, which must mail nothing.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from starlette.testclient import TestClient

from digest.clock import fixed_clock
from digest.service import Service, open_service
from digest.settings import load_settings
from digest.store import Store
from tests.support.command_line import CommandLine
from tests.support.ledger_world import DAY, MONDAY, add_papers

CONFIG = """
[service]
base_url = "https://papers.example.org"
data_dir = "{folder}/var"
secret_key = "a key of thirty-two characters !"
[mail]
from = "Daily papers <digest@papers.example.org>"
bounce_domain = "bounces.papers.example.org"
"""


@dataclass(frozen=True, slots=True)
class House:
    """A service in a folder of its own, run by commands, with a reader of agents."""

    command: CommandLine

    @property
    def folder(self) -> Path:
        return self.command.folder

    def document(self, *words: str, at: datetime) -> Any:
        said = self.command(*words, "--json", "--at", at.isoformat())
        assert said.code == 0, said.err
        return said.document

    def service(self, at: datetime) -> Service:
        settings = load_settings(self.folder / "config" / "digest.toml", {})
        return open_service(settings, clock=fixed_clock(at))

    def mails(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted((self.folder / "var" / "outbox").glob("*.eml"))
        ]


@pytest.fixture
def house(digest: CommandLine) -> House:
    """Monday's digest is in the outbox, and papers for Tuesday's are there."""
    one = House(digest)
    digest.configure(CONFIG.format(folder=digest.folder))
    reader = ("--keyword", "agents", "--hour", "8", "--timezone", "UTC", "--confirmed")
    one.document("subscribers", "add", "ada@uni.example", *reader, at=MONDAY - DAY)
    store = Store(f"sqlite:///{digest.folder / 'var' / 'digest.db'}")
    add_papers(store, 2, opened_at=MONDAY - timedelta(hours=2))
    add_papers(store, 2, opened_at=MONDAY + DAY - timedelta(hours=2))
    store.close()
    assert one.document("deliver", at=MONDAY)["sent"] == 1
    return one


@pytest.fixture
def site(house: House) -> Iterator[TestClient]:
    service = house.service(MONDAY + timedelta(hours=1))
    yield TestClient(
        service.web_app(), base_url="https://papers.example.org", follow_redirects=False
    )
    service.close()


def unsubscribe_links(mail: EmailMessage) -> tuple[str, str]:
    """Return the https and the mailto link of List-Unsubscribe."""
    https, mailto = re.findall(r"<([^>]+)>", str(mail["List-Unsubscribe"]))
    return https, mailto


def test_without_leaving_the_next_digest_comes(house: House) -> None:
    done = house.document("deliver", at=MONDAY + DAY)

    assert done["sent"] == 1
    assert len(house.mails()) == 2


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_one_click_without_a_cookie_ends_the_digests(
    house: House, site: TestClient, form: str
) -> None:
    (mail,) = house.mails()
    https, _ = unsubscribe_links(mail)
    name, value = str(mail["List-Unsubscribe-Post"]).split("=")
    sent = {"data": {name: value}} if form == "urlencoded" else {"files": {name: (None, value)}}

    first = site.post(https, **sent)
    site.cookies.clear()
    again = site.post(https, **sent)
    delivered = house.document("deliver", at=MONDAY + DAY)
    shown = house.document("subscribers", "show", "ada@uni.example", at=MONDAY + DAY)

    assert (first.status_code, again.status_code) == (200, 200)
    assert "set-cookie" not in first.headers
    assert delivered["prepared"] == 0
    assert len(house.mails()) == 1
    assert shown["subscriber"]["state"] == "unsubscribed"
    assert shown["subscriber"]["suppression"]["evidence"] == "one-click POST"


def test_a_scanner_that_opens_the_link_ends_nothing(house: House, site: TestClient) -> None:
    https, _ = unsubscribe_links(house.mails()[0])

    opened = site.get(https)
    delivered = house.document("deliver", at=MONDAY + DAY)

    assert opened.status_code == 200
    assert delivered["sent"] == 1


def test_a_mail_to_the_unsubscribe_address_ends_the_digests(house: House) -> None:
    _, mailto = unsubscribe_links(house.mails()[0])
    parts = urlsplit(mailto)
    (subject,) = parse_qs(parts.query)["subject"]
    written = EmailMessage()
    written["From"] = "Ada <ada@uni.example>"
    written["To"] = unquote(parts.path)
    written["Subject"] = subject
    written["Message-ID"] = "<leave-1@uni.example>"
    (house.folder / "leave.eml").write_bytes(written.as_bytes())

    taken = house.document("bounces", "ingest", "leave.eml", at=MONDAY + timedelta(hours=1))
    delivered = house.document("deliver", at=MONDAY + DAY)

    assert [one["effect"] for one in taken["files"]] == ["unsubscribed"]
    assert delivered["prepared"] == 0
    assert len(house.mails()) == 1


def _report(kind: str, part: str, *, fields: str, mail: bytes) -> bytes:
    """Wrap a digest as a provider does: its report, and the mail with no recipient left."""
    returned = mail.replace(b"ada@uni.example", b"redacted@uni.example")
    head = (
        f"From: reports@isp.example\r\nTo: digest@papers.example.org\r\nSubject: report\r\n"
        f"Message-ID: <report-1@isp.example>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="R"\r\n\r\n'
        f"--R\r\nContent-Type: text/plain\r\n\r\nA report.\r\n"
        f"--R\r\nContent-Type: {part}\r\n\r\n{fields}\r\n"
        "--R\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return head.encode() + returned + b"\r\n--R--\r\n"


@pytest.mark.parametrize(
    ("kind", "part", "fields", "state"),
    [
        (
            "feedback-report",
            "message/feedback-report",
            "Feedback-Type: abuse\r\nUser-Agent: ISP/1.0\r\nVersion: 1\r\n",
            "complained",
        ),
        (
            "delivery-status",
            "message/delivery-status",
            (
                "Reporting-MTA: dns; isp.example\r\n\r\nFinal-Recipient: rfc822; x@y.example\r\n"
                "Action: failed\r\nStatus: 5.1.1\r\n"
            ),
            "bounced",
        ),
    ],
)
def test_a_digest_that_comes_back_without_its_recipient_is_known_by_its_headers(
    house: House, kind: str, part: str, fields: str, state: str
) -> None:
    (path,) = (house.folder / "var" / "outbox").glob("*.eml")
    report = _report(kind, part, fields=fields, mail=path.read_bytes())
    (house.folder / "report.eml").write_bytes(report)

    house.document("bounces", "ingest", "report.eml", at=MONDAY + timedelta(hours=1))
    delivered = house.document("deliver", at=MONDAY + DAY)
    shown = house.document("subscribers", "show", "ada@uni.example", at=MONDAY + DAY)

    assert delivered["prepared"] == 0
    assert len(house.mails()) == 1
    assert shown["subscriber"]["state"] == state
