"""Lists of feeds, looking back and cross-lists, by command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.demo.server import SampleFeeds, serve_samples
from tests.support.command_line import CommandLine

MONDAY = ("--at", "2026-02-02T05:30:00Z")
OPML = """<opml version="2.0"><body>
<outline text="Labs"><outline text="A lab" xmlUrl="https://lab.example/feed.xml"/></outline>
<outline text="arxiv" xmlUrl="https://other.example/feed.xml"/>
<outline text="odd" xmlUrl="gopher://old.example/"/>
</body></opml>"""


@pytest.fixture
def samples(demo_feeds: Path) -> Iterator[SampleFeeds]:
    with serve_samples(SampleFeeds(folder=demo_feeds / "day0")) as served:
        yield served


@pytest.fixture
def with_feed(digest: CommandLine, samples: SampleFeeds) -> CommandLine:
    digest.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "arxiv"\nurl = "{samples.base_url}/arxiv.xml"\ncross = false\n'
    )
    return digest


def test_the_feeds_of_a_list_are_added_and_the_others_named(with_feed: CommandLine) -> None:
    path = with_feed.folder / "feeds.opml"
    path.write_text(OPML)

    said = with_feed("feeds", "import", str(path), "--json", *MONDAY)
    again = with_feed("feeds", "import", str(path), "--json", *MONDAY)

    assert said.code == 1
    assert said.document["added"] == ["A-lab"]
    assert [line.partition(" has")[0] for line in said.causes] == [
        "digest: odd: gopher://old.example/ is no http or https URL",
        "digest: arxiv: a feed of that name",
    ]
    assert again.document["added"] == []
    assert again.document["known"] == ["A-lab"]


def test_what_is_exported_is_imported_elsewhere_with_kinds_and_tags(
    with_feed: CommandLine,
) -> None:
    with_feed("feeds", "add", "biorxiv-api-neuroscience", *MONDAY)
    path = with_feed.folder / "ours.opml"
    path.write_text(with_feed("feeds", "export", *MONDAY).out)
    with_feed.configure("")
    (with_feed.folder / "var" / "digest.db").unlink()

    said = with_feed("feeds", "import", str(path), *MONDAY)
    listed = with_feed("feeds", "list", "--json", *MONDAY).document["feeds"]

    assert said.code == 0
    assert said.out.splitlines()[0] == "added 2 feeds, 0 known already, 0 left out"
    assert [(feed["name"], feed["kind"], feed["tags"]) for feed in listed] == [
        ("arxiv", "auto", []),
        ("biorxiv-api-neuroscience", "biorxiv", ["neuroscience"]),
    ]


def test_a_list_that_cannot_be_read_is_a_wrong_use(digest: CommandLine) -> None:
    (digest.folder / "page.html").write_text("<html></html>")

    missing = digest("feeds", "import", "nowhere.opml")
    wrong = digest("feeds", "import", "page.html")

    assert (missing.code, wrong.code) == (2, 2)
    assert missing.causes == ["digest: nowhere.opml: cannot be read: No such file or directory"]
    assert wrong.causes == ["digest: page.html: this is no OPML: its root element is not opml"]


def test_looking_back_refuses_what_cannot_be(with_feed: CommandLine) -> None:
    unknown = with_feed("feeds", "backfill", "nobody", "--since", "2026-01-01", *MONDAY)
    future = with_feed("feeds", "backfill", "arxiv", "--since", "2026-02-02", *MONDAY)
    no_past = with_feed("feeds", "backfill", "arxiv", "--since", "2026-01-01", *MONDAY)

    assert unknown.causes == ["digest: there is no feed named nobody"]
    assert future.causes == ["digest: --since 2026-02-02 is not in the past"]
    assert (future.code, no_past.code) == (2, 2)
    assert "cannot be read back" in no_past.err


def test_looking_back_tells_what_stopped_it_and_how_to_go_on(
    with_feed: CommandLine, samples: SampleFeeds
) -> None:
    with_feed.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "hf"\nurl = "{samples.base_url}/nothing.json"\nkind = "hf-daily"\n'
    )

    said = with_feed("feeds", "backfill", "hf", "--since", "2026-01-30", "--json", *MONDAY)

    assert said.code == 1
    assert said.document["next_day"] == "2026-01-30"
    assert said.causes[-1].startswith("digest: stopped at 2026-01-30: the server answered 404")
    assert said.causes[-1].endswith("run the same command again to go on")


def test_looking_back_counts_pages_entries_and_papers(
    with_feed: CommandLine, samples: SampleFeeds
) -> None:
    with_feed.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "hf"\nurl = "{samples.base_url}/hf-daily.json"\nkind = "hf-daily"\n'
    )

    said = with_feed("feeds", "backfill", "hf", "--since", "2026-02-01", *MONDAY)
    paper = with_feed("papers", "search", "*".replace("*", "upvotes:>=0"), *MONDAY)

    assert said.code == 0, said.err
    assert said.out.strip() == ("hf: 1 page, 3 entries, 3 new papers from 2026-02-01 to 2026-02-01")
    assert paper.code == 0
