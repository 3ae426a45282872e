from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from digest.resources import resource_dir
from tests.support.command_line import CommandLine


def test_all_problems_of_a_configuration_are_told_at_once_with_their_keys(
    digest: CommandLine,
) -> None:
    digest.configure('[service]\ncolour = "red"\n[digest]\nmax_papers = 0\n[web]\nport = 99999\n')

    said = digest("feeds", "list")

    assert said.code == 2
    assert said.out == ""
    assert said.causes == [
        "digest: service.colour: unknown key in config/digest.toml or the environment",
        "digest: digest.max_papers: input should be greater than or equal to 1",
        "digest: web.port: input should be less than or equal to 65535",
    ]


def test_a_configuration_file_that_is_not_there_is_named(digest: CommandLine) -> None:
    said = digest("--config", "gone.toml", "check")

    assert said.code == 2
    assert said.causes == ["digest: gone.toml: cannot be read: No such file or directory"]


def test_under_json_a_failure_is_one_document_too(digest: CommandLine) -> None:
    said = digest("papers", "show", "2501.12345", "--json")

    assert said.code == 1
    assert said.document == {"errors": ["no feed has brought arxiv:2501.12345"]}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["feeds"], "digest: missing command (see `digest feeds --help`)"),
        (["feeds", "add"], "digest: missing argument 'NAME' (see `digest feeds add --help`)"),
        (
            ["feeds", "list", "--jsno"],
            (
                "digest: no such option: --jsno (Possible options: --json)"
                " (see `digest feeds list --help`)"
            ),
        ),
        (["feeds", "list", "--at", "noon"], "digest: --at noon: is not an ISO 8601 instant"),
        (
            ["feeds", "list", "--at", "2026-02-03T08:00"],
            (
                "digest: --at 2026-02-03T08:00: has no offset; "
                "write 2026-02-03T08:00+00:00 or 2026-02-03T08:00Z"
            ),
        ),
        (
            ["deliveries", "resolve", "1", "--as", "lost"],
            (
                "digest: invalid value for '--as': 'lost' is not one of 'sent', 'failed'"
                " (see `digest deliveries resolve --help`)"
            ),
        ),
        (
            ["why", "ada@example.org", "attention"],
            (
                "digest: attention is no identifier: "
                "write 2501.12345, doi:10.…, pmid:… or a URL of these"
            ),
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    digest: CommandLine, words: list[str], line: str
) -> None:
    said = digest(*words)

    assert said.code == 2
    assert said.causes == [line]
    assert said.out == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["why", "ada@example.org", "2501.12345"],
            "digest: no subscriber has the address ada@example.org",
        ),
        (["deliveries", "show", "7"], "digest: there is no delivery 7"),
        (["deliveries", "resend", "7"], "digest: there is no delivery 7"),
        (["feeds", "poll", "nature"], "digest: there is no feed named nature"),
        (["feeds", "pause", "nature"], "digest: there is no feed named nature"),
        (
            ["subscribers", "erase", "ada@example.org"],
            "digest: no subscriber has the address ada@example.org",
        ),
    ],
)
def test_what_does_not_exist_is_one_line_and_exit_1(
    digest: CommandLine, words: list[str], line: str
) -> None:
    said = digest(*words)

    assert said.code == 1
    assert said.causes == [line]


def test_a_bad_query_is_told_with_its_position_and_a_suggestion(digest: CommandLine) -> None:
    said = digest("match", "agents AND (planning")

    assert said.code == 2
    assert said.causes == [
        (
            "digest: this parenthesis is never closed at character 12 of `agents AND (planning`; "
            "did you mean `agents AND (planning)`?"
        ),
        "    agents AND (planning",
        "               ^",
    ]


def test_a_page_that_is_no_feed_is_told_so(digest: CommandLine) -> None:
    page = digest.folder / "page.html"
    page.write_text("<!doctype html><html><body>Welcome</body></html>", encoding="utf-8")

    said = digest("feeds", "test", "page.html")

    assert said.code == 1
    assert said.causes == ["digest: page.html: this is an HTML page, not a feed"]


def test_without_a_network_a_poll_names_feed_and_cause_and_exits_1(digest: CommandLine) -> None:
    digest.configure('[[feed]]\nname = "nature"\nurl = "https://feeds.invalid/rss"\n')

    said = digest("feeds", "poll", "--json")

    assert said.code == 1
    assert said.document == {
        "feeds": [
            {
                "name": "nature",
                "status": "failed",
                "http_status": None,
                "entries": 0,
                "new_papers": 0,
                "revised_papers": 0,
                "error": "the name feeds.invalid does not resolve",
            }
        ],
        "new_papers": 0,
    }
    assert said.causes == ["digest: feed nature: the name feeds.invalid does not resolve"]


def test_a_bad_address_in_line_812_is_named_and_the_rest_is_imported(digest: CommandLine) -> None:
    lines = [f'{{"email": "reader{n}@example.org", "tags": ["cs.CL"]}}' for n in range(1, 901)]
    lines[811] = '{"email": "reader812 at example.org"}'
    (digest.folder / "readers.jsonl").write_text("\n".join(lines), encoding="utf-8")

    said = digest("subscribers", "import", "readers.jsonl", "--confirmed", "--json")

    assert said.code == 1
    assert said.document["imported"] == 899
    assert said.document["updated"] == 0
    assert [(one["line"], one["email"]) for one in said.document["rejected"]] == [
        (812, "reader812 at example.org")
    ]
    assert said.causes[0].startswith("digest: readers.jsonl line 812: ")


def test_an_import_file_that_is_not_there_is_wrong_usage(digest: CommandLine) -> None:
    said = digest("subscribers", "import", "gone.csv")

    assert said.code == 2
    assert said.causes == ["digest: gone.csv: cannot be read: No such file or directory"]


def test_several_problems_of_one_subscriber_are_told_at_once(digest: CommandLine) -> None:
    said = digest("subscribers", "add", "ada@example.org", "--hour", "25", "--timezone", "Mars")

    assert said.code == 2
    assert said.causes == [
        "digest: timezone 'Mars': is no IANA time zone, such as Europe/Paris or UTC",
        "digest: hour 25: must be between 0 and 23",
    ]


def test_a_newer_schema_is_refused_with_what_mends_it(digest: CommandLine) -> None:
    digest("db", "upgrade")
    with sqlite3.connect("var/digest.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    said = digest("subscribers", "list")

    assert said.code == 1
    assert len(said.causes) == 1
    assert "9999" in said.err
    assert "install the version that wrote it, or a newer one" in said.err


def test_an_old_schema_is_refused_naming_the_command(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest("db", "upgrade")
    made = digest("db", "status", "--json").document["revision"]
    monkeypatch.setattr("digest.store.engine.head_revision", lambda: "9999")

    said = digest("subscribers", "list")

    assert said.code == 1
    assert said.causes == [
        (
            f"digest: the database schema is at {made}, this version needs 9999: "
            "run `digest db upgrade`"
        )
    ]


def test_a_missing_template_variable_is_named(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = digest.folder / "templates"
    shutil.copytree(resource_dir("templates"), templates)
    (templates / "mail" / "digest.txt").write_text("{{ view.horoscope }}\n", encoding="utf-8")
    bundled = {"templates": templates, "config": resource_dir("config")}
    monkeypatch.setattr("digest.service.resource_dir", bundled.__getitem__)

    said = digest("check")

    assert said.code == 1
    assert len(said.causes) == 1
    assert said.causes[0].startswith("digest: templates: template digest.txt: ")
    assert "horoscope" in said.causes[0]


def test_a_database_that_cannot_be_opened_is_one_line(digest: CommandLine) -> None:
    digest.configure('[database]\nurl = "sqlite:///config"\n')

    said = digest("deliveries", "list")

    assert said.code == 1
    assert said.causes == ["digest: the database refused: unable to open database file"]


def test_a_database_we_do_not_support_is_a_configuration_problem(digest: CommandLine) -> None:
    digest.configure('[database]\nurl = "mysql://somewhere/digest"\n')

    said = digest("deliveries", "list")

    assert said.code == 2
    assert said.causes == [
        (
            "digest: database.url: mysql is not supported; use sqlite:///PATH "
            "or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    ]


def test_the_unexpected_is_one_line_without_a_traceback(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("division by\nzero")

    monkeypatch.setattr("digest.service.open_service", break_off)

    said = digest("subscribers", "list")

    assert said.code == 1
    assert said.causes == [
        (
            "digest: unexpected: ZeroDivisionError: division by zero"
            " (set DIGEST_DEBUG=1 for the traceback)"
        )
    ]


def test_a_traceback_is_there_for_who_asks(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("digest.service.open_service", break_off)
    monkeypatch.setenv("DIGEST_DEBUG", "1")

    said = digest("subscribers", "list")

    assert "Traceback" in said.err


def test_ctrl_c_is_one_line(digest: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("digest.service.open_service", interrupt)

    said = digest("subscribers", "list")

    assert said.code == 1
    assert said.causes == ["digest: interrupted"]


def test_an_outbox_that_is_a_file_is_told_by_deliver(digest: CommandLine, demo_feeds: Path) -> None:
    said = digest("demo", "--folder", str(demo_feeds / "README.md"))

    assert said.code == 1
    assert said.causes[0].endswith("README.md: File exists")
