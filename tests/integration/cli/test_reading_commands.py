from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

EVENING = ("--at", "2026-02-04T20:00:00+00:00")


def test_match_back_tests_a_query_with_reasons(after_demo: CommandLine) -> None:
    said = after_demo("match", 'title:"language agents"', "--json", *EVENING)

    assert said.code == 0
    assert said.document["query"] == 'title:"language agents"'
    assert said.document["total"] == 1
    paper = said.document["papers"][0]
    assert paper["id"] == "arxiv:2303.11366"
    assert paper["url"] == "https://arxiv.org/abs/2303.11366"
    assert paper["reasons"][0]["field"] == "title"
    assert paper["reasons"][0]["term"] == "language agents"


def test_match_looks_back_only_so_many_days(after_demo: CommandLine) -> None:
    said = after_demo("match", "protein", "--days", "1", "--json", "--at", "2026-03-04T20:00:00Z")

    assert said.document["total"] == 0
    assert said.document["looked_at"] == 0
    assert said.causes == [
        (
            "digest: no papers of these days are here; a longer --days finds older ones, "
            "`digest feeds poll` fetches new ones"
        )
    ]


def test_match_takes_a_query_that_begins_with_a_minus(after_demo: CommandLine) -> None:
    said = after_demo("match", "-survey agent*", *EVENING)

    assert said.code == 0
    assert said.out.startswith("3 of 40 papers of the last 7 days match ")
    assert "SWE-agent: Agent-Computer Interfaces" in said.out


def test_match_says_when_a_lower_case_operator_was_probably_meant(
    after_demo: CommandLine,
) -> None:
    said = after_demo("match", "agents or proteins", *EVENING)

    assert said.code == 0
    document = after_demo("match", "agents or proteins", "--json", *EVENING).document
    assert document["hints"][0]["suggestion"] == "agents OR proteins"
    assert said.causes == [
        (
            "digest: `or` is searched for as a word; the operator is written OR; "
            "did you mean `agents OR proteins`?"
        )
    ]


@pytest.mark.parametrize(
    "name",
    ["2501.12948", "arxiv:2501.12948v2", "https://arxiv.org/abs/2501.12948v1"],
)
def test_papers_show_takes_any_alias(after_demo: CommandLine, name: str) -> None:
    said = after_demo("papers", "show", name, "--json")

    assert said.code == 0
    assert said.document["paper"]["id"] == "arxiv:2501.12948"
    assert said.document["paper"]["upvotes"] == 254
    assert said.document["paper"]["upvotes_change"] == 42


def test_papers_show_reads_well(after_demo: CommandLine) -> None:
    said = after_demo("papers", "show", "2501.12948")

    assert said.out.startswith("DeepSeek-R1: Incentivizing Reasoning Capability in LLMs")
    assert "▲ 254 (+42)" in said.out


def test_papers_search_lists_best_first_up_to_the_limit(after_demo: CommandLine) -> None:
    said = after_demo("papers", "search", "reasoning", "--limit", "2", *EVENING)

    lines = said.out.splitlines()
    assert lines[1].startswith("arxiv:2501.12948")
    assert lines[2].startswith("arxiv:2501.19393")
    assert lines[3].startswith("and ")
    assert lines[3].endswith(" more: raise --limit")


def test_why_tells_that_a_paper_was_sent(after_demo: CommandLine) -> None:
    said = after_demo("why", "ada@example.org", "2501.12948", "--json", *EVENING)

    assert said.code == 0
    assert said.document["email"] == "ada@example.org"
    assert said.document["paper"] == "arxiv:2501.12948"
    assert said.document["verdict"] == "sent in 2026-02-03"
    assert {key: value for key, value in said.document["steps"][5].items() if key != "detail"} == {
        "check": "min_upvotes",
        "ok": True,
    }


def test_why_tells_that_a_paper_is_muted(after_demo: CommandLine) -> None:
    said = after_demo("why", "ada@example.org", "2308.11432", *EVENING)

    assert said.code == 0
    assert said.out.startswith("A Survey on Large Language Model based Autonomous Agents\n")
    assert "ada@example.org, arxiv:2308.11432: muted" in said.out
    assert "muted by survey" in said.out


def test_why_of_a_paper_nobody_listed_exits_0(after_demo: CommandLine) -> None:
    said = after_demo("why", "ada@example.org", "2601.00001", "--json", *EVENING)

    assert said.code == 0
    assert said.document["verdict"] == "not ingested"
    assert said.document["title"] is None


def test_why_counts_the_place_of_a_paper_that_waits(after_demo: CommandLine) -> None:
    after_demo("subscribers", "add", "ada@example.org", "--keyword", "segmentation")

    said = after_demo("why", "ada@example.org", "2304.02643", "--json", *EVENING)

    assert said.document["verdict"] == "would be in the next digest"


def test_preview_shows_what_would_come_and_writes_nothing(after_demo: CommandLine) -> None:
    after_demo("subscribers", "add", "kenji@example.org", "--keyword", "protein")
    before = after_demo("deliveries", "list", "--json").document

    said = after_demo("preview", "kenji@example.org", "--json", "--at", "2026-02-05T09:00:00Z")

    assert said.code == 0
    assert said.document["period"] == "2026-02-05"
    assert "arxiv:2210.01776" in [paper["id"] for paper in said.document["papers"]]
    assert "<html" in said.document["html"]
    assert after_demo("deliveries", "list", "--json").document == before


def test_preview_writes_text_or_html(after_demo: CommandLine) -> None:
    text = after_demo("preview", "ada@example.org", *EVENING)
    html = after_demo("preview", "ada@example.org", "--html", *EVENING)

    assert text.out.startswith("Subject: ")
    assert "<!doctype html>" in html.out.lower()[:200]
    assert text.causes == ["digest: nothing new: this digest would not be sent"]


def test_deliveries_list_gives_all_rows_in_the_shape_of_the_contract(
    after_demo: CommandLine,
) -> None:
    said = after_demo("deliveries", "list", "--json")

    rows = said.document["deliveries"]
    assert len(rows) == 6
    assert rows[-1]["email"] == "rosalind@example.org"
    assert rows[-1]["period"] == "2026-02-03"
    assert rows[-1]["state"] == "sent"
    assert rows[-1]["attempts"] == 1
    assert rows[-1]["reply"] == "written to 2026-02-03-1.eml"
    assert "doi:10.1101/2022.07.20.500902" in rows[-1]["papers"]
    assert rows[-1]["message_id"].startswith("<")


def test_deliveries_list_filters(after_demo: CommandLine) -> None:
    by_state = after_demo("deliveries", "list", "--state", "unknown")
    by_person = after_demo("deliveries", "list", "--email", "ADA@example.org", "--json")
    newest = after_demo("deliveries", "list", "--limit", "1", "--json")

    assert by_state.out == "no deliveries\n"
    assert [one["email"] for one in by_person.document["deliveries"]] == ["ada@example.org"] * 2
    assert [one["id"] for one in newest.document["deliveries"]] == [6]


def test_deliveries_list_ends_with_the_sum(after_demo: CommandLine) -> None:
    said = after_demo("deliveries", "list")

    assert said.out.splitlines()[-1] == (
        "6 prepared = 6 sent + 0 bounced + 0 failed + 0 skipped + 0 unknown + 0 queued"
    )


def test_deliveries_show_names_the_papers(after_demo: CommandLine) -> None:
    said = after_demo("deliveries", "show", "3")
    document = after_demo("deliveries", "show", "3", "--json").document

    assert "left over   3" in said.out
    assert "DeepSeek-R1: Incentivizing Reasoning Capability" in said.out
    assert document["delivery"]["titles"][0]["id"] == "arxiv:2501.12948"


def test_a_sent_delivery_can_be_neither_resent_nor_resolved(after_demo: CommandLine) -> None:
    resent = after_demo("deliveries", "resend", "3")
    resolved = after_demo("deliveries", "resolve", "3", "--as", "sent")

    assert resent.code == 1
    assert resent.causes[0].startswith("digest: delivery 3 is sent: only what is ")
    assert resolved.code == 1
    assert resolved.causes == ["digest: delivery 3 is sent: only what is unknown can be resolved"]


def test_subscribers_list_and_show(after_demo: CommandLine) -> None:
    listed = after_demo("subscribers", "list", "--json")
    none = after_demo("subscribers", "list", "--state", "pending")
    shown = after_demo("subscribers", "show", "Ada@Example.org", "--json")
    page = after_demo("subscribers", "show", "ada@example.org")

    assert [one["email"] for one in listed.document["subscribers"]] == [
        "ada@example.org",
        "kenji@example.org",
        "rosalind@example.org",
    ]
    assert none.out == "no subscribers\n"
    assert shown.document["subscriber"]["muted"] == ["survey"]
    assert shown.document["subscriber"]["days"] == "daily"
    assert shown.document["subscriber"]["consents"][0]["kind"] == "confirmed"
    assert "daily 08:00 America/New_York" in page.out


def test_export_gives_everything_and_erase_removes_it(after_demo: CommandLine) -> None:
    exported = after_demo("subscribers", "export", "ada@example.org")
    erased = after_demo("subscribers", "erase", "ada@example.org")
    gone = after_demo("subscribers", "show", "ada@example.org")

    assert json.loads(exported.out)["email"] == "ada@example.org"
    assert len(json.loads(exported.out)["digests"]) == 2
    assert erased.code == 0
    assert gone.code == 1


def test_db_status_counts_rows(after_demo: CommandLine) -> None:
    said = after_demo("db", "status", "--json")

    assert said.code == 0
    assert said.document["rows"]["delivery"] == 6
    assert said.document["database"] == "sqlite:///var/digest.db"


def test_feeds_test_reads_a_file_and_writes_nothing(digest: CommandLine, demo_feeds: Path) -> None:
    said = digest("feeds", "test", str(demo_feeds / "day1" / "biorxiv.rdf"), "--json")

    assert said.code == 0
    assert said.document["format"] == "rss10"
    assert said.document["entries"] == 4
    assert said.document["papers"][0]["id"] == "doi:10.1101/2022.07.20.500902"
    assert not (digest.folder / "var").exists()


def test_feeds_test_reads_well(digest: CommandLine, demo_feeds: Path) -> None:
    said = digest("feeds", "test", str(demo_feeds / "day1" / "hf-daily.json"))

    assert said.code == 0
    assert "9 entries, 9 papers" in said.out.splitlines()[0]
    assert "arxiv:2501.12948" in said.out


def test_the_demo_tells_its_days_and_ends_with_the_outbox(digest: CommandLine) -> None:
    said = digest("demo", "--folder", "played")

    assert said.code == 0
    assert said.causes == []
    assert said.out.splitlines()[0] == (
        "Three sample feeds on loopback, three subscribers, three days. No network, no mail server."
    )
    assert "Wednesday, 4 February 2026" in said.out
    assert said.out.splitlines()[-1] == "6 mails for any mail program: played/outbox"
