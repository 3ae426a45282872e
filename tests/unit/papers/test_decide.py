from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import (
    Alias,
    Announce,
    Entry,
    FeedId,
    IngestPlan,
    KnownPaper,
    KnownPapers,
    Link,
    Listing,
    Merge,
    Paper,
    PaperId,
    PaperIntent,
    Score,
    Window,
)
from digest.papers import latex
from digest.papers.decide import decide_entries, intents_of, latest_opening
from tests.support.paper_world import T0, arxiv_entry, document, feed_record, hf_entry

FEED = FeedId(1)
OTHER_FEED = FeedId(2)
LIMIT = timedelta(days=62)


def intent(*aliases: str, title: str = "A title", opens: bool = True) -> PaperIntent:
    return PaperIntent(
        aliases=tuple(Alias(alias) for alias in aliases),
        title=title,
        abstract="",
        authors=(),
        venue="",
        url="",
        tags=(),
        links=(),
        published_on=None,
        version=None,
        listed_on=date(2026, 2, 1),
        opens_window=opens,
        upvotes=None,
        comments=None,
        stars=None,
    )


def known(
    number: int,
    *aliases: str,
    windows: Sequence[Window] = (),
    scores: Sequence[Score] = (),
    first_seen_at: datetime = T0,
    version: int | None = None,
    title: str = "A title",
    abstract: str = "",
    upvotes: int | None = None,
) -> KnownPaper:
    return KnownPaper(
        paper=Paper(
            id=PaperId(number),
            alias=Alias(aliases[0]),
            title=title,
            abstract=abstract,
            first_seen_at=first_seen_at,
            version=version,
            upvotes=upvotes,
        ),
        aliases=frozenset(Alias(alias) for alias in aliases),
        windows=tuple(windows),
        scores=tuple(scores),
    )


def known_of(*papers: KnownPaper, disputed: Iterable[str] = ()) -> KnownPapers:
    owners: dict[Alias, PaperId | None] = {Alias(alias): None for alias in disputed}
    owners.update({alias: paper.paper.id for paper in papers for alias in paper.aliases})
    return KnownPapers(owners=owners, papers={paper.paper.id: paper for paper in papers})


def window(number: int, *, feed: int = 1, at: datetime = T0, opened: bool = True) -> Window:
    return Window(
        paper_id=PaperId(number),
        feed_id=FeedId(feed),
        listed_at=at,
        opened_at=at if opened else None,
    )


def decide(
    intents: Sequence[PaperIntent],
    papers: KnownPapers | None = None,
    *,
    feed: FeedId = FEED,
    now: datetime = T0,
) -> IngestPlan:
    return decide_entries(
        intents, papers or KnownPapers(), feed_id=feed, now=now, latest_opening=LIMIT
    )


def read(*entries: Entry, baseline: bool = False, now: datetime = T0) -> tuple[PaperIntent, ...]:
    feed = feed_record(baseline_at=None if baseline else T0)
    return intents_of(document(*entries, title="Feed title"), feed=feed, now=now)


# ---- windows


def test_a_new_paper_opens_a_window_and_is_listed() -> None:
    plan = decide(read(arxiv_entry(1)))

    assert [paper.alias for paper in plan.inserts] == ["arxiv:2602.00001"]
    assert [w.opened_at for w in plan.windows] == [T0]
    assert [listing.day for listing in plan.listings] == [date(2026, 2, 1)]


def test_a_baseline_opens_no_window() -> None:
    plan = decide(read(arxiv_entry(1), arxiv_entry(2), baseline=True))

    assert len(plan.inserts) == 2
    assert [w.opened_at for w in plan.windows] == [None, None]
    assert len(plan.listings) == 2


@pytest.mark.parametrize("announce", [Announce.REPLACE, Announce.REPLACE_CROSS])
def test_an_unseen_replacement_is_stored_without_a_window(announce: Announce) -> None:
    plan = decide(read(arxiv_entry(1, version=2, announce=announce)))

    assert len(plan.inserts) == 1
    assert [w.opened_at for w in plan.windows] == [None]
    assert plan.revisions == ()


def test_a_paper_announced_and_replaced_in_one_document_is_new() -> None:
    plan = decide(
        read(
            arxiv_entry(1, version=2, announce=Announce.REPLACE),
            arxiv_entry(1, announce=Announce.NEW),
        )
    )

    assert len(plan.inserts) == 1
    assert plan.inserts[0].version == 2
    assert [w.opened_at for w in plan.windows] == [T0]


def test_a_later_listing_on_the_same_feed_opens_nothing() -> None:
    paper = known(7, "arxiv:2602.00001", windows=[window(7, opened=False)])

    plan = decide(read(arxiv_entry(1)), known_of(paper), now=T0 + timedelta(days=1))

    assert plan.windows == ()
    assert plan.listings == ()


def test_the_first_listing_on_another_feed_opens_a_window() -> None:
    paper = known(7, "arxiv:2602.00001", windows=[window(7, opened=False)])
    later = T0 + timedelta(days=62)

    plan = decide([intent("arxiv:2602.00001")], known_of(paper), feed=OTHER_FEED, now=later)

    assert plan.windows == (window(7, feed=2, at=later),)


def test_no_window_opens_too_long_after_a_paper_was_first_seen() -> None:
    paper = known(7, "arxiv:2602.00001", windows=[window(7)])
    later = T0 + timedelta(days=62, seconds=1)

    plan = decide([intent("arxiv:2602.00001")], known_of(paper), feed=OTHER_FEED, now=later)

    assert plan.windows == (window(7, feed=2, at=later, opened=False),)


def test_the_latest_opening_follows_from_the_settings() -> None:
    assert latest_opening(eligibility_days=14, retention_days=90) == timedelta(days=62)


# ---- versions and texts


def test_a_new_version_is_a_revision_that_says_what_changed() -> None:
    paper = known(
        7, "arxiv:2602.00001", windows=[window(7)], version=1, title="Old", abstract="Same."
    )

    plan = decide(
        read(arxiv_entry(1, version=2, title="New title", abstract="Same.")), known_of(paper)
    )

    assert plan.inserts == ()
    assert [(r.version, r.changed) for r in plan.revisions] == [(2, ("title", "authors"))]
    assert plan.updates[0].title == "New title"
    assert plan.updates[0].version == 2


def test_an_old_version_changes_no_text() -> None:
    paper = known(
        7, "arxiv:2602.00001", windows=[window(7)], version=3, title="Third", abstract="Whole text."
    )

    plan = decide(
        read(arxiv_entry(1, version=2, title="Second", abstract="Much " * 40)), known_of(paper)
    )

    assert plan.revisions == ()
    assert plan.updates[0].title == "Third"
    assert plan.updates[0].abstract == "Whole text."


def test_the_same_document_again_changes_nothing() -> None:
    first = decide(read(arxiv_entry(1)))
    paper = KnownPaper(
        paper=replace(first.inserts[0], id=PaperId(7), tags=("cs.LG",)),
        aliases=frozenset(alias for alias, _ in first.aliases),
        windows=(window(7),),
    )

    plan = decide(read(arxiv_entry(1)), known_of(paper))

    assert plan == IngestPlan()


def test_the_origin_wins_over_a_feed_that_names_no_version() -> None:
    paper = known(
        7, "arxiv:2602.00001", windows=[window(7, feed=2)], title="hf title", abstract="Short."
    )

    plan = decide(read(arxiv_entry(1, title="The title", abstract="The text.")), known_of(paper))

    assert plan.updates[0].title == "The title"
    assert plan.updates[0].abstract == "The text."
    assert plan.updates[0].venue == "arXiv cs.LG"
    assert plan.revisions == ()


def test_a_cut_abstract_gives_way_to_a_whole_one() -> None:
    paper = known(7, "arxiv:2602.00001", version=1, abstract="The text that is…")

    plan = decide(read(arxiv_entry(1, abstract="The text that is whole.")), known_of(paper))

    assert plan.updates[0].abstract == "The text that is whole."


def test_a_cut_abstract_of_a_newer_version_replaces_nothing() -> None:
    paper = known(7, "arxiv:2602.00001", version=1, abstract="The text that is whole.")

    plan = decide(read(arxiv_entry(1, version=2, abstract="The text...")), known_of(paper))

    assert plan.updates[0].abstract == "The text that is whole."


def test_the_only_feed_of_a_paper_may_retitle_it() -> None:
    entry = Entry(title="A better title for the post", source_id="post-1")
    alone = known(7, "feed:arxiv:post-1", windows=[window(7)], title="A title")
    shared = known(7, "feed:arxiv:post-1", windows=[window(7), window(7, feed=2)], title="A title")

    assert decide(read(entry), known_of(alone)).updates[0].title == "A better title for the post"
    assert decide(read(entry), known_of(shared)).updates[0].title == "A title"


def test_another_feeds_page_becomes_an_also_on_link() -> None:
    both = decide((*read(arxiv_entry(1)), *read(hf_entry(1))))

    assert both.inserts[0].url == "https://arxiv.org/abs/2602.00001"
    assert both.inserts[0].links == (
        Link(label="Hugging Face", url="https://huggingface.co/papers/2602.00001"),
    )


def test_a_paper_that_gets_an_arxiv_id_is_named_by_it() -> None:
    paper = replace(
        known(7, "doi:10.1101/1", windows=[window(7)]),
        paper=replace(known(7, "doi:10.1101/1").paper, url="https://biorxiv.org/1"),
    )

    plan = decide([intent("arxiv:2602.00001", "doi:10.1101/1")], known_of(paper))

    assert plan.updates[0].alias == "arxiv:2602.00001"
    assert plan.updates[0].url == "https://arxiv.org/abs/2602.00001"
    assert plan.updates[0].links == (Link(label="bioRxiv", url="https://biorxiv.org/1"),)


# ---- listings and scores


def test_upvotes_are_compared_with_the_day_before() -> None:
    yesterday = Score(paper_id=PaperId(7), feed_id=FEED, day=date(2026, 1, 31), upvotes=5)
    older = replace(yesterday, day=date(2026, 1, 30), upvotes=1)
    elsewhere = replace(yesterday, feed_id=OTHER_FEED, upvotes=100)
    paper = known(
        7, "arxiv:2602.00001", windows=[window(7)], scores=[yesterday, older, elsewhere], upvotes=5
    )

    plan = decide(read(hf_entry(1, upvotes=12, listed_on=date(2026, 1, 30))), known_of(paper))

    assert plan.updates[0].upvotes == 12
    assert plan.updates[0].upvotes_change == 7
    assert plan.listings == (
        Listing(paper_id=PaperId(7), feed_id=FEED, day=date(2026, 1, 30), upvotes=12),
    )
    assert plan.scores == (
        Score(paper_id=PaperId(7), feed_id=FEED, day=date(2026, 2, 1), upvotes=12),
    )


def test_the_first_score_has_no_change() -> None:
    plan = decide(read(hf_entry(1, upvotes=12)))

    assert plan.inserts[0].upvotes == 12
    assert plan.inserts[0].upvotes_change is None


def test_a_paper_twice_in_a_document_is_one_with_one_listing() -> None:
    plan = decide(read(hf_entry(1, upvotes=3), hf_entry(1)))

    assert len(plan.inserts) == 1
    assert [listing.upvotes for listing in plan.listings] == [3]


def test_tags_are_compared_without_case() -> None:
    entry = arxiv_entry(1, tags=("cs.LG", "CS.lg", "<b>Robots</b>", ""))
    paper = replace(
        known(7, "arxiv:2602.00001"),
        paper=replace(known(7, "arxiv:2602.00001").paper, tags=("CS.LG",)),
    )

    plan = decide(read(entry), known_of(paper))

    assert plan.tags == ((PaperId(7), "Robots"),)


# ---- joining


def test_an_entry_that_connects_two_papers_merges_them_into_the_older() -> None:
    one = known(7, "arxiv:2602.00001", first_seen_at=T0 + timedelta(days=1), upvotes=4)
    other = known(9, "doi:10.1000/x", abstract="Has a text.")

    plan = decide([intent("arxiv:2602.00001", "doi:10.1000/x")], known_of(one, other))

    assert plan.merges == (Merge(old_id=PaperId(7), paper_id=PaperId(9)),)
    assert plan.updates[0].id == 9
    assert plan.updates[0].alias == "arxiv:2602.00001"
    assert plan.updates[0].abstract == "Has a text."
    assert plan.updates[0].upvotes == 4


def test_merged_windows_keep_each_feeds_first_listing() -> None:
    early, late = T0, T0 + timedelta(days=1)
    one = known(7, "arxiv:2602.00001", windows=[window(7, at=early, opened=False)])
    other = known(
        9, "doi:10.1000/x", windows=[window(9, at=late), window(9, feed=2, at=late)],
        first_seen_at=late,
    )  # fmt: skip

    plan = decide([intent("arxiv:2602.00001", "doi:10.1000/x")], known_of(one, other), now=late)

    assert plan.windows == (window(7, feed=2, at=late),)


def test_a_merge_closes_windows_that_opened_too_late_for_the_older_half() -> None:
    late = T0 + timedelta(days=80)
    one = known(7, "arxiv:2602.00001", windows=[window(7)])
    other = known(9, "doi:10.1000/x", windows=[window(9, feed=2, at=late)], first_seen_at=late)

    plan = decide([intent("arxiv:2602.00001", "doi:10.1000/x")], known_of(one, other), now=late)

    assert plan.windows == (window(7, feed=2, at=late, opened=False),)


def test_two_arxiv_ids_never_merge_and_what_both_claim_belongs_to_neither() -> None:
    plan = decide(
        [
            intent("arxiv:2602.00001", "doi:10.1000/x"),
            intent("arxiv:2602.00002", "doi:10.1000/x"),
        ]
    )

    assert len(plan.inserts) == 2
    assert dict(plan.aliases)[Alias("doi:10.1000/x")] is None


def test_a_disputed_alias_joins_nothing_any_more() -> None:
    papers = known_of(known(7, "arxiv:2602.00001"), disputed=["doi:10.1000/x"])

    plan = decide([intent("doi:10.1000/x", "feed:f:1")], papers)

    assert [paper.alias for paper in plan.inserts] == ["feed:f:1"]
    assert plan.aliases == ((Alias("feed:f:1"), PaperId(-1)),)


def test_an_entry_that_only_disputed_aliases_name_is_counted() -> None:
    plan = decide([intent("doi:10.1000/x")], known_of(disputed=["doi:10.1000/x"]))

    assert plan == IngestPlan(unidentified=1)


def test_an_entry_of_two_arxiv_papers_joins_the_stronger_named() -> None:
    one, other = (
        known(7, "arxiv:2602.00001", "doi:10.1000/x"),
        known(9, "arxiv:2602.00002", "pmid:5"),
    )

    plan = decide([intent("doi:10.1000/x", "pmid:5")], known_of(one, other))

    assert plan.merges == ()
    assert plan.inserts == ()
    assert plan.aliases == ((Alias("pmid:5"), None),)


def test_a_title_joins_a_preprint_and_its_journal_version() -> None:
    preprint = known(7, "doi:10.1101/1", "title:k")

    plan = decide([intent("doi:10.1038/2", "title:k")], known_of(preprint), feed=OTHER_FEED)

    assert plan.inserts == ()
    assert plan.aliases == ((Alias("doi:10.1038/2"), PaperId(7)),)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("doi:10.1038/1", "doi:10.1038/2"),
        ("doi:10.1101/1", "doi:10.1101/2"),
        ("pmid:1", "pmid:2"),
        ("arxiv:2602.00001", "arxiv:2602.00002"),
        ("feed:f:1", "feed:f:2"),
    ],
)
def test_a_title_never_joins_what_identifiers_keep_apart(mine: str, theirs: str) -> None:
    plan = decide([intent(theirs, "title:k")], known_of(known(7, mine, "title:k")))

    assert [paper.alias for paper in plan.inserts] == [theirs]
    assert dict(plan.aliases)[Alias("title:k")] is None


def test_two_entries_of_one_document_are_never_joined_by_title() -> None:
    plan = decide(
        [
            intent("feed:f:1", "feedtitle:f:k", "title:k"),
            intent("feed:f:2", "feedtitle:f:k", "title:k"),
        ]
    )

    assert [paper.alias for paper in plan.inserts] == ["feed:f:1", "feed:f:2"]
    assert dict(plan.aliases)[Alias("title:k")] is None
    assert dict(plan.aliases)[Alias("feedtitle:f:k")] is None


def test_a_changed_own_id_is_joined_by_the_title_within_the_feed() -> None:
    plan = decide(
        [intent("feed:f:new", "feedtitle:f:k", "title:k")],
        known_of(known(7, "feed:f:old", "feedtitle:f:k")),
    )

    assert plan.inserts == ()
    assert dict(plan.aliases)[Alias("feed:f:new")] == 7


def test_an_entry_without_any_id_is_known_again_by_its_title() -> None:
    entry = Entry(title="A title that stands alone in its feed")
    first = decide(read(entry, entry))
    paper = KnownPaper(
        paper=replace(first.inserts[0], id=PaperId(7)),
        aliases=frozenset(alias for alias, _ in first.aliases),
        windows=(window(7),),
    )

    again = decide(read(entry), known_of(paper))

    assert len(first.inserts) == 1
    assert again == IngestPlan()


def test_editorials_of_one_document_stay_apart() -> None:
    entries = [
        Entry(title="Editorial", source_id=f"https://j.org/{n}", authors=("Ada Byron",))
        for n in range(3)
    ]

    plan = decide(read(*entries))

    assert len(plan.inserts) == 3


# ---- intents


def test_entries_without_a_title_are_left_out() -> None:
    assert read(Entry(title=" \u202e<b></b> ")) == ()


def test_the_venue_is_the_journal_unless_it_repeats_the_title() -> None:
    title = "Bats of the mountain"
    good, bad, paper = read(
        Entry(title=title, source_id="1", venue="Zoology"),
        Entry(title=title, source_id="2", venue=title),
        Entry(title=title, source_id="3", url="https://www.biorxiv.org/content/10.1101/1v1"),
    )

    assert (good.venue, bad.venue, paper.venue) == ("Zoology", "Feed title", "bioRxiv")


def test_dates_that_cannot_be_meant_are_dropped() -> None:
    epoch, far, good = read(
        *(
            replace(arxiv_entry(1), published_at=at, listed_on=on)
            for at, on in (
                (datetime(1970, 1, 1, tzinfo=UTC), None),
                (datetime(2030, 1, 1, tzinfo=UTC), date(2026, 3, 1)),
                (datetime(2026, 1, 31, tzinfo=UTC), date(2026, 2, 2)),
            )
        )
    )

    assert [i.published_on for i in (epoch, far, good)] == [None, None, date(2026, 1, 31)]
    assert [i.listed_on for i in (epoch, far, good)] == [
        date(2026, 2, 1),
        date(2026, 2, 1),
        date(2026, 2, 2),
    ]


def test_links_that_are_no_web_pages_are_dropped() -> None:
    entry = replace(
        arxiv_entry(1),
        links=(
            Link(label="x", url="javascript:alert(1)"),
            Link(label="", url="https://github.com/a/b"),
            Link(label="PDF", url="https://www.example.org/a.pdf"),
        ),
    )

    assert read(entry)[0].links == (
        Link(label="code", url="https://github.com/a/b"),
        Link(label="PDF", url="https://www.example.org/a.pdf"),
    )


def test_counts_are_kept_within_what_can_be_stored() -> None:
    entry = replace(arxiv_entry(1), upvotes=-4, comments=10**12)

    assert (read(entry)[0].upvotes, read(entry)[0].comments) == (0, 2**31 - 1)


# ---- any order


def _partition(document_order: Sequence[PaperIntent]) -> tuple[set[frozenset[str]], set[str]]:
    """Ingest intents one document each; return the papers' aliases, and the disputed ones."""
    papers: dict[PaperId, KnownPaper] = {}
    owners: dict[Alias, PaperId | None] = {}
    for step, one in enumerate(document_order):
        now = T0 + timedelta(hours=step)
        plan = decide([one], KnownPapers(owners=dict(owners), papers=dict(papers)), now=now)
        for merge in plan.merges:
            gone = papers.pop(merge.old_id)
            for alias in gone.aliases:
                owners[alias] = merge.paper_id
        given = {paper.id: PaperId(1000 + step) for paper in plan.inserts}
        for paper in (*plan.inserts, *plan.updates):
            paper_id = given.get(paper.id, paper.id)
            papers[paper_id] = known(paper_id, paper.alias, first_seen_at=paper.first_seen_at)
        for alias, owner in plan.aliases:
            owners[alias] = None if owner is None else given.get(owner, owner)
        papers = {
            paper_id: replace(
                paper, aliases=frozenset(a for a, owner in owners.items() if owner == paper_id)
            )
            for paper_id, paper in papers.items()
        }
    disputed = {str(alias) for alias, owner in owners.items() if owner is None}
    return {frozenset(paper.aliases) for paper in papers.values()}, disputed


FREE_ALIASES = st.sampled_from(
    ["doi:10.1000/a", "doi:10.1000/b", "doi:10.1000/c", "pmid:1", "pmid:2", "feed:f:1", "feed:g:1"]
)
ARXIV_ALIASES = st.sampled_from(["arxiv:2602.00001", "arxiv:2602.00002", "arxiv:2602.00003"])


@given(st.lists(st.sets(FREE_ALIASES, min_size=1, max_size=3), max_size=7), st.randoms())
def test_merging_in_any_order_gives_the_same_papers(graph: list[set[str]], random: object) -> None:
    intents = [intent(*sorted(aliases)) for aliases in graph]
    shuffled = list(intents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert _partition(intents) == _partition(shuffled)


@given(
    st.lists(st.tuples(ARXIV_ALIASES, st.sets(FREE_ALIASES, max_size=3)), max_size=7),
    st.randoms(),
)
def test_disputes_in_any_order_leave_the_same_papers(
    graph: list[tuple[str, set[str]]], random: object
) -> None:
    intents = [intent(arxiv, *sorted(aliases)) for arxiv, aliases in graph]
    shuffled = list(intents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert _partition(intents) == _partition(shuffled)
    papers, _ = _partition(intents)
    assert all(sum(a.startswith("arxiv:") for a in paper) == 1 for paper in papers)


@given(
    st.lists(
        st.builds(
            lambda arxiv, others: sorted({*arxiv, *others}),
            st.lists(ARXIV_ALIASES, max_size=1),
            st.sets(FREE_ALIASES, min_size=1, max_size=3),
        ),
        max_size=7,
    )
)
def test_no_paper_ever_has_two_arxiv_ids(graph: list[list[str]]) -> None:
    intents = [intent(*aliases) for aliases in graph]

    apart, _ = _partition(intents)
    plan = decide(intents)

    owners = [owner for alias, owner in plan.aliases if alias.startswith("arxiv:")]
    assert len(owners) == len(set(owners))
    assert all(sum(a.startswith("arxiv:") for a in paper) <= 1 for paper in apart)


def test_when_two_papers_merge_a_polls_first_listing_counts_before_a_backfilled_one() -> None:
    looked_back = replace(window(7, at=T0 - timedelta(days=9), opened=False), backfilled=True)
    one = known(7, "arxiv:2602.00001", windows=[looked_back], first_seen_at=T0 - timedelta(days=9))
    other = known(9, "doi:10.1000/x", windows=[window(9)])

    plan = decide(
        [intent("arxiv:2602.00001", "doi:10.1000/x")],
        known_of(one, other),
        now=T0 + timedelta(days=1),
    )

    assert plan.merges == (Merge(old_id=PaperId(9), paper_id=PaperId(7)),)
    assert plan.windows == (window(7),)


def test_a_document_of_latex_is_converted_up_to_its_bound_and_kept_as_written_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converted: list[int] = []
    convert = latex._convert

    def counted(source: str) -> str | None:
        converted.append(len(source))
        return convert(source)

    monkeypatch.setattr(latex, "_convert", counted)
    hostile = r"$\frac{a_{1}}{b^{2}}$ " * 800
    entries = tuple(
        Entry(title=f"On {number}", abstract=hostile, url=f"https://example.org/{number}")
        for number in range(60)
    )
    latex._convert_short.cache_clear()

    intents = intents_of(document(*entries), feed=feed_record(), now=T0)

    assert len(intents) == 60
    assert sum(converted) <= 300_000
    assert intents[0].abstract.startswith("a₁/b² a₁/b²")
    assert intents[-1].abstract.startswith(r"$\frac{a_{1}}{b^{2}}$ $\frac")


def test_the_bound_on_latex_ends_with_its_document() -> None:
    with latex.bounded_latex(10):
        beyond = latex.plain_latex(r"a long enough $\alpha + \beta$")
    after = latex.plain_latex(r"a long enough $\alpha + \beta$")

    assert beyond == r"a long enough $\alpha + \beta$"
    assert after == "a long enough α + β"
