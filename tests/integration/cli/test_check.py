"""`digest check`: what stands in the way, and what is hardly meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.service import Service
from tests.support.command_line import CommandLine

DOCS = Path(__file__).resolve().parents[3] / "docs"


def detail(digest: CommandLine, check: str) -> tuple[object, object, object]:
    said = digest("check", "--json")
    (one,) = [one for one in said.document["checks"] if one["check"] == check]
    return one["ok"], one["warns"], one["detail"]


def test_a_real_relay_needs_names_that_readers_can_reach(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lets_in(_service: Service) -> None:
        return

    monkeypatch.setattr(Service, "check_smtp_login", lets_in)
    digest.configure(
        '[service]\nbase_url = "http://papers.example.org"\n'
        '[mail]\ntransport = "smtp"\nfrom = "Papers <digest@example.org>"\n'
        '[smtp]\nhost = "smtp.example.org"\n'
    )

    said = digest("check")

    assert said.code == 2
    assert [cause.split(" ", 4)[:4] for cause in said.causes] == [
        ["digest:", "addresses:", "service.base_url:", "http://papers.example.org"],
        ["digest:", "addresses:", "mail.list_id:", "daily-papers.localhost"],
    ]


def test_the_outbox_needs_no_names(digest: CommandLine) -> None:
    assert detail(digest, "addresses") == (True, False, "not looked at: mail stays in the outbox")


def test_no_feed_at_all_is_worth_a_word(digest: CommandLine) -> None:
    said = digest("check")

    assert said.code == 0
    assert detail(digest, "feeds") == (
        True,
        True,
        "there is none, so no paper comes: `digest feeds add NAME [URL]`",
    )


def test_feeds_added_by_command_are_counted(digest: CommandLine) -> None:
    digest.configure('[[feed]]\nname = "one"\nurl = "https://example.org/one"\n')
    digest("feeds", "add", "two", "https://example.org/two")
    digest("feeds", "add", "three", "https://example.org/three")
    digest("feeds", "pause", "three")

    assert detail(digest, "feeds") == (
        True,
        False,
        "3 feeds: 1 configured, 2 added, 1 of these paused",
    )


def test_active_subscribers_who_asked_for_nothing_are_told(digest: CommandLine) -> None:
    digest("subscribers", "add", "ada@example.org", "--keyword", "agents", "--confirmed")
    digest("subscribers", "add", "eve@example.org", "--muted", "survey", "--confirmed")
    digest("subscribers", "add", "may@example.org")

    assert detail(digest, "subscribers") == (
        True,
        True,
        (
            "2 active, 1 of them without any interest, who get nothing: "
            "`digest subscribers list` shows them"
        ),
    )


def lines(table: str) -> list[str]:
    """The lines of a table; how long a sample digest is changes with every template."""
    return [re.sub(r"[\d,]+ characters", "N characters", one.strip()) for one in table.splitlines()]


def test_the_documented_sample_is_what_it_says(digest: CommandLine) -> None:
    (digest.folder / "config" / "digest.toml").unlink()
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    sample = text.split("    $ digest check\n", 1)[1].split("\n\n", 1)[0]

    said = digest("check")

    assert lines(sample) == lines(said.out)
