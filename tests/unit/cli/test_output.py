from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.output import (
    Column,
    count,
    document,
    facts,
    printable,
    say,
    shorten,
    table,
    width_of,
)


def test_numbers_stand_right_and_have_thousands_separators() -> None:
    columns = [Column(heading="feed"), Column(heading="papers", align="right")]

    text = table(columns, [("hf-daily", 12345), ("arxiv", 7)])

    assert text.splitlines() == [
        "feed      papers",
        "hf-daily  12,345",
        "arxiv          7",
    ]


def test_wide_signs_keep_columns_aligned() -> None:
    columns = [Column(heading="title"), Column(heading="n", align="right")]

    text = table(columns, [("論文", 1), ("paper", 2)])

    assert text.splitlines() == ["title  n", "論文   1", "paper  2"]


def test_long_cells_are_cut_where_the_column_says() -> None:
    text = table([Column(heading="title", max_width=10)], [("Attention Is All You Need",)])

    assert text.splitlines()[1] == "Attention…"


def test_facts_leave_out_what_is_not_known() -> None:
    text = facts([("paper", "arxiv:1"), ("venue", None), ("stars", 1000)], indent="  ")

    assert text.splitlines() == ["  paper  arxiv:1", "  stars  1,000"]


def test_facts_of_nothing_are_nothing() -> None:
    assert facts([("venue", None)]) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "-"),
        (datetime(2026, 2, 3, 8, 5, tzinfo=UTC), "2026-02-03 08:05 UTC"),
        (date(2026, 2, 3), "2026-02-03"),
        (1234567, "1,234,567"),
        ("a\x1b[31mb\u202ec", "a [31mb c"),
    ],
)
def test_values_read_as_a_person_reads_them(
    value: str | int | date | datetime | None, said: str
) -> None:
    assert say(value) == said


def test_counts_carry_their_noun() -> None:
    assert count(1, "paper") == "1 paper"
    assert count(1204, "paper") == "1,204 papers"
    assert count(2, "delivery", "deliveries") == "2 deliveries"


def test_a_document_writes_instants_days_paths_and_sets() -> None:
    text = document(
        {
            "at": datetime(2026, 2, 3, 8, tzinfo=UTC),
            "day": date(2026, 2, 3),
            "folder": Path("var/outbox"),
            "names": frozenset({"b", "a"}),
            "title": "Schrödinger",
        }
    )

    assert text == (
        '{\n  "at": "2026-02-03T08:00:00Z",\n  "day": "2026-02-03",\n'
        '  "folder": "var/outbox",\n  "names": [\n    "a",\n    "b"\n  ],\n'
        '  "title": "Schrödinger"\n}'
    )


def test_a_document_refuses_what_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        document({"what": object()})


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_shortened_text_never_takes_more_cells_than_it_may(text: str, cells: int) -> None:
    assert width_of(shorten(text, cells)) <= cells


@given(st.text())
def test_printable_text_holds_no_control_or_direction_sign(text: str) -> None:
    assert not any(sign in "\x00\x07\x1b\n\r\u202a\u202e\u2066" for sign in printable(text))
