from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.delivery.run import DeliverCounts
from digest.demo.server import SampleFeeds, serve_samples
from digest.errors import DeliveryError
from digest.model import DeliveryId
from digest.service import Service
from tests.support.command_line import CommandLine

MONDAY = ("--at", "2026-02-02T05:30:00Z")
TUESDAY = ("--at", "2026-02-03T05:30:00Z")
TUESDAY_EIGHT = ("--at", "2026-02-03T08:00:00Z")


@pytest.fixture
def samples(demo_feeds: Path) -> Iterator[SampleFeeds]:
    with serve_samples(SampleFeeds(folder=demo_feeds / "day0")) as served:
        yield served


@pytest.fixture
def with_feeds(digest: CommandLine, samples: SampleFeeds) -> CommandLine:
    digest.configure(
        "[feeds]\nallow_private_addresses = true\n"
        f'[[feed]]\nname = "arxiv"\nurl = "{samples.base_url}/arxiv.xml"\ntags = ["preprint"]\n'
        f'[[feed]]\nname = "hf"\nurl = "{samples.base_url}/hf-daily.json"\nkind = "hf-daily"\n'
    )
    return digest


def test_poll_has_the_shape_of_the_contract(with_feeds: CommandLine) -> None:
    said = with_feeds("feeds", "poll", "--json", *MONDAY)

    assert said.code == 0
    assert said.document == {
        "feeds": [
            {
                "name": "arxiv",
                "status": "ok",
                "http_status": 200,
                "entries": 2,
                "new_papers": 2,
                "revised_papers": 0,
                "error": None,
            },
            {
                "name": "hf",
                "status": "ok",
                "http_status": 200,
                "entries": 3,
                "new_papers": 3,
                "revised_papers": 0,
                "error": None,
            },
        ],
        "new_papers": 5,
    }


def test_poll_of_named_feeds_leaves_the_others_alone(with_feeds: CommandLine) -> None:
    said = with_feeds("feeds", "poll", "hf", "--json", *MONDAY)

    assert [feed["name"] for feed in said.document["feeds"]] == ["hf"]


def test_a_second_poll_of_an_unchanged_feed_is_no_failure(with_feeds: CommandLine) -> None:
    with_feeds("feeds", "poll", *MONDAY)

    said = with_feeds("feeds", "poll", "--json", *MONDAY)

    assert said.code == 0
    assert [feed["status"] for feed in said.document["feeds"]] == ["unchanged", "unchanged"]
    assert [feed["http_status"] for feed in said.document["feeds"]] == [304, 304]


def test_one_broken_feed_stops_no_other(with_feeds: CommandLine, samples: SampleFeeds) -> None:
    with_feeds("feeds", "add", "gone", f"{samples.base_url}/gone.xml")

    said = with_feeds("feeds", "poll", *MONDAY)

    assert said.code == 1
    assert len(said.causes) == 1
    assert said.causes[0].startswith("digest: feed gone: ")
    assert "arxiv" in said.out
    assert "ok" in said.out


def test_a_feed_is_added_paused_resumed_and_removed(digest: CommandLine) -> None:
    added = digest("feeds", "add", "lab", "https://lab.example/feed.xml", "--tag", "lab", *MONDAY)
    paused = digest("feeds", "pause", "lab", "--json")
    resumed = digest("feeds", "resume", "lab", "--json")
    listed = digest("feeds", "list", "--json")
    removed = digest("feeds", "remove", "lab")
    left = digest("feeds", "list")

    assert added.out.splitlines()[0] == "added lab: https://lab.example/feed.xml"
    assert paused.document["feed"]["paused"] is True
    assert resumed.document["feed"]["paused"] is False
    assert listed.document["feeds"][0]["tags"] == ["lab"]
    assert removed.out == "removed lab\n"
    assert left.out == "no feeds: add one with `digest feeds add`\n"


def test_cross_lists_of_a_feed_can_be_left_out(digest: CommandLine) -> None:
    known = digest("feeds", "add", "arxiv-cs.RO", "--no-cross", "--json")
    given = digest("feeds", "add", "mine", "https://rss.arxiv.org/rss/cs.GL", "--no-cross")
    listed = digest("feeds", "list", "--json")

    assert known.document["feed"]["cross"] is False
    assert given.code == 0
    assert [feed["cross"] for feed in listed.document["feeds"]] == [False, False]


def test_a_name_of_the_catalogue_needs_no_url(digest: CommandLine) -> None:
    said = digest("feeds", "add", "arxiv-cs.RO", "--tag", "robots", "--json")

    assert said.code == 0
    assert said.document["feed"]["url"] == "https://rss.arxiv.org/rss/cs.RO"
    assert said.document["feed"]["tags"] == ["cs.RO", "robots"]


def test_a_name_near_one_of_the_catalogue_is_suggested(digest: CommandLine) -> None:
    near = digest("feeds", "add", "arxiv-cs.ROO")
    far = digest("feeds", "add", "zzzz")

    assert near.code == 2
    assert "did you mean arxiv-cs.RO" in near.err
    assert far.causes == ["digest: zzzz is not in the catalogue; give its URL"]


def test_a_feed_that_cannot_be_is_told_with_all_problems(digest: CommandLine) -> None:
    said = digest("feeds", "add", "my lab", "ftp://lab.example/feed.xml")

    assert said.code == 2
    assert said.causes == [
        "digest: name: must be 1 to 64 letters, digits, dots, hyphens or underscores",
        "digest: url: must be an http or https URL",
    ]


def test_feeds_list_shows_how_the_last_poll_went(with_feeds: CommandLine) -> None:
    with_feeds("feeds", "poll", *MONDAY)

    said = with_feeds("feeds", "list", *MONDAY)

    assert said.out.splitlines()[1].split()[:8] == [
        "arxiv",
        "ok",
        "2",
        "2",
        "-",
        "2026-02-02",
        "05:30",
        "UTC",
    ]


def test_a_subscriber_without_confirmed_is_pending_and_gets_a_letter(digest: CommandLine) -> None:
    said = digest("subscribers", "add", "ada@example.org", "--keyword", "agents", "--json")

    assert said.code == 0
    assert said.document["action"] == "added"
    assert said.document["letter"] is True
    assert said.document["subscriber"]["state"] == "pending"


def test_deliver_sends_the_mail_that_asks_to_confirm_once(digest: CommandLine) -> None:
    digest("subscribers", "add", "ada@example.org", "--keyword", "agents", *TUESDAY)

    first = digest("deliver", *TUESDAY_EIGHT)
    again = digest("deliver", "--json", *TUESDAY_EIGHT)

    assert first.code == 0
    assert first.out.splitlines()[-1] == "and 1 mail that asks to confirm"
    assert again.document["letters"]["sent"] == 0
    (mail,) = (digest.folder / "var" / "outbox").glob("*.eml")
    assert b"http://127.0.0.1:8000/confirm/" in mail.read_bytes().replace(b"=\r\n", b"")


def test_a_confirmed_subscriber_is_active_and_has_a_first_digest(digest: CommandLine) -> None:
    said = digest(
        "subscribers", "add", "ada@example.org", "--tag", "cs.CL", "--hour", "9",
        "--timezone", "Europe/Paris", "--days", "mon,thu", "--confirmed", *TUESDAY,
    )  # fmt: skip

    assert said.code == 0
    assert said.out == "added ada@example.org\nnext digest 2026-02-05 08:00 UTC\n"


def test_a_tag_that_nothing_has_is_remarked_on(after_demo: CommandLine) -> None:
    tags = ("--tag", "Diffusoin models", "--tag", "diffusion models", "--tag", "phlogiston")

    said = after_demo("subscribers", "add", "eve@example.org", *tags, "--confirmed", *TUESDAY)

    assert said.code == 0
    assert said.causes == [
        (
            "digest: no paper and no topic has the tag Diffusoin models; "
            "did you mean Diffusion models?"
        ),
        "digest: no paper and no topic has the tag phlogiston",
    ]


def test_a_csv_is_imported_with_lists_joined_by_semicolons(digest: CommandLine) -> None:
    (digest.folder / "readers.csv").write_text(
        "email,tags,keywords,days\nada@example.org,cs.CL;cs.AI,agents,weekdays\n", encoding="utf-8"
    )

    said = digest("subscribers", "import", "readers.csv", "--confirmed", "--json")
    shown = digest("subscribers", "show", "ada@example.org", "--json")

    assert said.document == {"imported": 1, "updated": 0, "rejected": []}
    assert said.code == 0
    assert shown.document["subscriber"]["tags"] == ["cs.CL", "cs.AI"]
    assert shown.document["subscriber"]["days"] == "weekdays"


def _ready_for_tuesday(digest: CommandLine, samples: SampleFeeds) -> None:
    digest("feeds", "poll", *MONDAY)
    digest("subscribers", "add", "ada@example.org", "--keyword", "reasoning", "--confirmed",
           "--timezone", "UTC", "--hour", "8", *MONDAY)  # fmt: skip
    samples.folder = samples.folder.with_name("day1")
    digest("feeds", "poll", *TUESDAY)


def test_deliver_counts_what_it_prepared_and_what_became_of_it(
    with_feeds: CommandLine, samples: SampleFeeds
) -> None:
    _ready_for_tuesday(with_feeds, samples)

    # Added on Monday before eight, so Monday's digest is owed too: it closed long ago.
    first = with_feeds("deliver", "--json", *TUESDAY_EIGHT)
    again = with_feeds("deliver", "--json", *TUESDAY_EIGHT)

    assert first.code == 0
    assert first.document == {
        "prepared": 2,
        "sent": 1,
        "bounced": 0,
        "failed": 0,
        "skipped": 1,
        "unknown": 0,
        "queued": 0,
        "letters": {"sent": 0, "failed": 0, "unknown": 0, "waiting": 0},
    }
    assert again.document["prepared"] == 0
    mails = sorted(path.name for path in (with_feeds.folder / "var" / "outbox").glob("*.eml"))
    assert mails == ["2026-02-03-2.eml"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DeliveryError("no letter went out", permanent=False), "digest: no letter went out"),
        (RuntimeError("odd"), "odd"),
    ],
)
def test_deliver_hands_digests_off_though_the_letters_fail(
    with_feeds: CommandLine,
    samples: SampleFeeds,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    cause: str,
) -> None:
    _ready_for_tuesday(with_feeds, samples)

    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Service, "deliver_letters", fail)

    said = with_feeds("deliver", *TUESDAY_EIGHT)

    assert said.code == 1
    assert cause in said.err
    assert len(list((with_feeds.folder / "var" / "outbox").glob("*.eml"))) == 1


def test_deliver_exits_1_when_the_relay_cannot_be_reached(
    with_feeds: CommandLine, samples: SampleFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ready_for_tuesday(with_feeds, samples)
    monkeypatch.setenv("DIGEST_MAIL__TRANSPORT", "smtp")
    monkeypatch.setenv("DIGEST_SMTP__SECURITY", "none")
    monkeypatch.setenv("DIGEST_SMTP__PORT", "1")

    said = with_feeds("deliver", "--json", *TUESDAY_EIGHT)

    assert said.code == 1
    assert said.document["queued"] == 1
    assert len(said.causes) == 1
    assert said.causes[0].startswith("digest: the relay does not take mail: ")


@pytest.mark.parametrize(
    ("counts", "code", "cause"),
    [
        (
            DeliverCounts(prepared=1, sent=1, late=(DeliveryId(7),)),
            0,
            (
                "digest: delivery 7 was accepted when the ledger had moved on: its reader may "
                "have it twice, or have what is not said to be sent; see "
                "`digest deliveries show 7`"
            ),
        ),
        (
            DeliverCounts(prepared=1, queued=1, broken=(DeliveryId(8),)),
            1,
            (
                "digest: the hand-off of 1 delivery broke off, of delivery 8 first: what is "
                "`sending` becomes unknown when its lease ends; run it with "
                "DIGEST_LOG_LEVEL=error to see why"
            ),
        ),
    ],
    ids=["late", "broken"],
)
def test_deliver_tells_of_hand_offs_that_the_counts_do_not_show(
    with_feeds: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    counts: DeliverCounts,
    code: int,
    cause: str,
) -> None:
    async def delivered(*_: object, **__: object) -> DeliverCounts:
        return counts

    monkeypatch.setattr(Service, "deliver", delivered)

    said = with_feeds("deliver", "--json", *TUESDAY_EIGHT)

    assert (said.code, said.causes) == (code, [cause])


def test_an_unknown_delivery_is_told_resolved_and_resent(
    with_feeds: CommandLine, samples: SampleFeeds
) -> None:
    _ready_for_tuesday(with_feeds, samples)
    with_feeds("deliver", *TUESDAY_EIGHT)
    with sqlite3.connect("var/digest.db") as database:
        database.execute("UPDATE delivery SET state = 'unknown' WHERE id = 2")
    database.close()

    resent = with_feeds("deliveries", "resend", "2", "--json", *TUESDAY_EIGHT)
    delivered = with_feeds("deliver", "--json", *TUESDAY_EIGHT)
    resolved = with_feeds("deliveries", "resolve", "2", "--as", "failed", *TUESDAY_EIGHT)

    assert resent.document == {"id": 2, "state": "ready", "not_free": []}
    assert delivered.document["sent"] == 1
    assert resolved.code == 1


def test_what_failed_or_is_unknown_is_told_by_deliver(
    with_feeds: CommandLine, samples: SampleFeeds
) -> None:
    _ready_for_tuesday(with_feeds, samples)
    with_feeds("deliver", *TUESDAY_EIGHT)
    with sqlite3.connect("var/digest.db") as database:
        database.execute(
            "UPDATE delivery SET state = 'sending', lease_until_at = '2026-02-03 07:00:00.000000'"
            " WHERE id = 2"
        )
    database.close()

    said = with_feeds("deliver", "--json", *TUESDAY_EIGHT)

    assert said.code == 1
    assert said.document["unknown"] == 1
    assert said.causes == [
        "digest: 1 delivery unknown: see `digest deliveries list --state unknown`"
    ]


def test_check_says_that_all_is_well(digest: CommandLine) -> None:
    said = digest("check", "--json")

    assert said.code == 0
    assert said.document["ok"] is True
    assert [one["check"] for one in said.document["checks"]] == [
        "configuration",
        "secret key",
        "database",
        "feeds",
        "subscribers",
        "templates",
        "mail",
        "addresses",
        "hand-off",
    ]


def test_check_tells_that_the_relay_does_not_answer(
    digest: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MAIL__TRANSPORT", "smtp")
    monkeypatch.setenv("DIGEST_SMTP__SECURITY", "none")
    monkeypatch.setenv("DIGEST_SMTP__PORT", "1")

    said = digest("check")

    assert said.code == 2
    assert len(said.causes) == 1
    assert said.causes[0].startswith("digest: mail: smtp.host: ")


def test_db_upgrade_makes_the_schema_and_then_has_nothing_to_do(digest: CommandLine) -> None:
    before = digest("db", "status", "--json")
    first = digest("db", "upgrade", "--json")
    again = digest("db", "upgrade")

    assert before.document["revision"] is None
    assert before.code == 0
    assert first.document["before"] is None
    assert first.document["revision"] == first.document["newest"]
    assert again.out.endswith("(nothing to do)\n")


def test_db_status_of_a_schema_that_does_not_fit_exits_1(digest: CommandLine) -> None:
    digest("db", "upgrade")
    with sqlite3.connect("var/digest.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    said = digest("db", "status", "--json")

    assert said.code == 1
    assert said.document["revision"] == "9999"
