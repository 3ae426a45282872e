from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import InterestKind
from digest.subscribers.lines import LineProblem, ReadLine, parse_lines
from digest.subscribers.wanted import WantedSubscription


def read(*lines: str | bytes) -> list[ReadLine | LineProblem]:
    return list(parse_lines(line.encode() if isinstance(line, str) else line for line in lines))


def good(*lines: str | bytes) -> list[WantedSubscription]:
    found = read(*lines)
    assert all(isinstance(one, ReadLine) for one in found), found
    return [one.wanted for one in found if isinstance(one, ReadLine)]


def only_problem(*lines: str | bytes) -> LineProblem:
    problems = [one for one in read(*lines) if isinstance(one, LineProblem)]
    assert len(problems) == 1
    return problems[0]


def test_a_json_line_says_all_that_a_subscriber_can_want() -> None:
    (wanted,) = good(
        '{"email": "Ada@Example.org", "tags": ["cs.CL"], "keywords": ["agents"],'
        ' "muted": ["survey"], "timezone": "Europe/Paris", "hour": 7, "days": "mon,thu",'
        ' "max_papers": 5, "min_upvotes": 3}\n'
    )

    assert wanted.address.key == "ada@example.org"
    assert [(one.kind, one.text) for one in wanted.interests] == [
        (InterestKind.TAG, "cs.CL"),
        (InterestKind.KEYWORD, "agents"),
        (InterestKind.MUTED, "survey"),
    ]
    assert wanted.timezone == "Europe/Paris"
    assert wanted.hour == 7
    assert wanted.weekdays == frozenset({0, 3})
    assert wanted.max_papers == 5
    assert wanted.min_upvotes == 3


def test_what_a_line_does_not_say_is_left_open() -> None:
    (wanted,) = good('{"email": "ada@example.org", "muted": [], "hour": null}')

    assert wanted.said_kinds == frozenset({InterestKind.MUTED})
    assert wanted.timezone is None
    assert wanted.hour is None
    assert wanted.weekdays is None
    assert wanted.max_papers is None
    assert wanted.min_upvotes is None


def test_csv_columns_come_in_any_order_with_lists_joined_by_semicolons() -> None:
    ada, grace = good(
        "Hour,tags,email\r\n",
        "7,cs.CL; cs.LG;,ada@example.org\r\n",
        ",,grace@example.org\r\n",
    )

    assert ada.hour == 7
    assert [one.text for one in ada.interests] == ["cs.CL", "cs.LG"]
    assert grace.hour is None
    assert grace.said_kinds == frozenset()


def test_a_quoted_csv_cell_may_hold_commas_and_quotes() -> None:
    (wanted,) = good(
        "email,keywords\n",
        'ada@example.org,"""sparse autoencoder"" -survey; author:""Noether, E."""\n',
    )

    assert [one.text for one in wanted.interests] == [
        '"sparse autoencoder" -survey',
        'author:"Noether, E."',
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_blank_lines_and_crlf_are_no_trouble(mark: str) -> None:
    found = read(
        f"{mark}\r\n",
        '{"email": "ada@example.org"}\r\n',
        "   \r\n",
        '{"email": "grace@example.org"}',
    )

    assert [one.line for one in found] == [2, 4]


def test_a_byte_order_mark_before_a_header_is_no_part_of_it() -> None:
    (wanted,) = good("\ufeffemail\r\n", "ada@example.org\r\n")

    assert wanted.address.email == "ada@example.org"


def test_a_bad_line_is_told_with_its_number_and_stops_nothing() -> None:
    first, bad, last = read(
        "email,hour\n", "ada@example.org,7\n", "not an address,7\n", "grace@example.org,7\n"
    )

    assert isinstance(first, ReadLine)
    assert isinstance(bad, LineProblem)
    assert bad.line == 3
    assert bad.email == "not an address"
    assert bad.error == (
        "'not an address' is not a usable address: an email address must have an @-sign"
    )
    assert isinstance(last, ReadLine)


def test_a_bad_query_is_told_with_its_position() -> None:
    problem = only_problem('{"email": "ada@example.org", "keywords": ["agents AND"]}')

    assert problem.email == "ada@example.org"
    assert "at character" in problem.error
    assert "`agents AND`" in problem.error


def test_all_problems_of_a_line_are_told_at_once() -> None:
    problem = only_problem(
        '{"email": "ada@example.org", "timezone": "Mars/Base", "hour": 24, "max_papers": 0}'
    )

    assert problem.error == (
        "timezone 'Mars/Base': is no IANA time zone, such as Europe/Paris or UTC; "
        "hour 24: must be between 0 and 23; max_papers 0: must be between 1 and 100"
    )


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "the line is not JSON: Expecting property name enclosed in double quotes"),
        ('{"email": "a@x.org", "mail": 1}', "unknown key 'mail'"),
        ('{"tags": []}', "email: is missing"),
        ('{"email": 7}', "email: must be a text"),
        ('{"email": "a@x.org", "tags": "cs.CL"}', "tags: must be a list of texts"),
        ('{"email": "a@x.org", "tags": [7]}', "tags: must be a list of texts"),
        ('{"email": "a@x.org", "days": 7}', "days: must be a text"),
        ('{"email": "a@x.org", "hour": true}', "hour: must be a whole number"),
        ('{"email": "a@x.org", "hour": 8.5}', "hour: must be a whole number"),
        (
            '{"email": "a@x.org", "days": "someday"}',
            "days 'someday': write daily, weekdays, weekly, or days such as mon,thu",
        ),
        (
            '{"email": "a@x.org", "min_upvotes": -1}',
            "min_upvotes -1: must be between 0 and 1,000,000",
        ),
    ],
)
def test_a_json_line_is_refused_in_plain_words(line: str, error: str) -> None:
    assert only_problem(line).error == error


def test_a_json_line_after_the_first_must_be_an_object() -> None:
    problem = only_problem('{"email": "a@x.org"}', "[]")

    assert problem == LineProblem(line=2, email="", error="the line is not a JSON object")


def test_json_nested_without_end_is_one_bad_line() -> None:
    problem = only_problem('{"email": ' + "[" * 50_000)

    assert problem.error == "the line is not JSON: nested too deeply"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("[\n", "write one JSON object a line, not one list"),
        ("tags\n", "the header has no column 'email'"),
        ("email,email\n", "a column stands twice in the header"),
    ],
)
def test_a_file_whose_header_cannot_be_used_is_refused_whole(header: str, error: str) -> None:
    assert read(header, "ada@example.org\n") == [LineProblem(line=1, email="", error=error)]


def test_an_unknown_column_is_named_with_those_that_are_known() -> None:
    problem = only_problem("email,topics\n", "ada@example.org,x\n")

    assert problem.error == (
        "unknown column 'topics'; known are email, tags, keywords, muted, timezone, hour, "
        "days, max_papers, min_upvotes"
    )


def test_a_file_parted_by_semicolons_is_told_so() -> None:
    problem = only_problem("email;tags\n", "ada@example.org;cs.CL\n")

    assert "columns are separated by commas" in problem.error


def test_an_open_quote_spoils_only_its_own_line() -> None:
    found = read("email,tags\n", 'ada@example.org,"cs.CL\n', "grace@example.org,cs.LG\n")

    assert [type(one) for one in found] == [LineProblem, ReadLine]


def test_too_many_cells_are_told_with_the_address() -> None:
    problem = only_problem("email,hour\n", "ada@example.org,7,8\n")

    assert problem.email == "ada@example.org"
    assert problem.error == "the line has 3 cells, the header 2"


@pytest.mark.parametrize("hour", ["8:00", "-1", "eight", "８", "9999999999"])
def test_a_csv_number_is_plain_digits(hour: str) -> None:
    problem = only_problem("email,hour\n", f"ada@example.org,{hour}\n")

    assert problem.error == f"hour '{hour}': must be a whole number"


def test_text_that_is_not_utf_8_is_one_bad_line() -> None:
    found = read("email\n", b"caf\xe9@example.org\n", "ada@example.org\n")

    assert found[0] == LineProblem(line=2, email="", error="the line is not UTF-8")
    assert isinstance(found[1], ReadLine)


def test_a_utf_16_file_is_refused_once() -> None:
    found = read("email\nada@example.org\n".encode("utf-16"), b"\x00a\x00")

    assert found == [LineProblem(line=1, email="", error="the file is UTF-16: save it as UTF-8")]


def test_a_line_without_end_is_refused() -> None:
    problem = only_problem("email\n", "a" * 200_000)

    assert problem.error == "the line is longer than 100,000 bytes"


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_file_is_read_to_its_end(lines: list[bytes]) -> None:
    found = list(parse_lines(lines))

    numbers = [one.line for one in found]
    assert numbers == sorted(set(numbers))


@given(
    st.dictionaries(
        st.sampled_from(["email", "tags", "keywords", "hour", "days", "timezone", "muted"]),
        st.none() | st.integers() | st.text(max_size=12) | st.lists(st.text(max_size=12)),
    )
)
def test_any_json_object_is_read_or_refused(data: dict[str, object]) -> None:
    (found,) = parse_lines([json.dumps(data).encode()])

    assert isinstance(found, ReadLine) or found.error
