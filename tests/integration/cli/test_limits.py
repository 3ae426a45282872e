"""`digest deliveries limits` and what `digest check` says of a held relay."""

from __future__ import annotations

from tests.support.command_line import CommandLine

PERSON = ("subscribers", "add", "ada@example.org", "--keyword", "agents", "--confirmed")
MONDAY = ("--at", "2026-02-02T08:00:00Z")
NEXT_DAY = ("--at", "2026-02-03T12:00:00Z")


def test_nothing_is_held_back_to_begin_with(digest: CommandLine) -> None:
    said = digest("deliveries", "limits")

    assert (said.code, said.out) == (0, "nothing is held back\n")


def test_lifting_what_does_not_hold_is_told(digest: CommandLine) -> None:
    said = digest("deliveries", "limits", "--clear", "gmail.com")

    assert said.code == 1
    assert said.causes == ["digest: nothing is known to hold back gmail.com"]
