from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from digest.digests.card import PaperView, paper_view
from digest.digests.letters import confirm_view
from digest.digests.view import DigestView, LeftOverView, digest_view
from digest.digests.wording import long_date, number_word, schedule_sentence, short_authors
from digest.model import Digest, InterestKind, Link, Match, Schedule, SubscriberState
from tests.support.digests import (
    AWKWARD,
    LINKS,
    PROTEIN,
    SCHEDULE,
    SPARSE,
    THREE,
    make_digest,
    make_interest,
    make_paper,
    make_subscriber,
    three_papers,
    welcome,
)


def view_of(digest: Digest) -> DigestView:
    return digest_view(digest, LINKS, service_name="Daily papers")


def card(match: Match) -> PaperView:
    return view_of(make_digest((match,))).papers[0]


def test_digest_reads_as_promised() -> None:
    view = view_of(three_papers())

    assert view.subject == "3 papers for Tue 3 Feb: Sparse features that survive scale"
    assert view.date == "Tuesday 3 February 2026"
    assert view.lead == "Three papers match your interests today, and 12 more wait on the site."
    assert view.preview == (
        "What a protein model knows before it folds · "
        "A second look at lattice surgery for small codes"
    )
    assert view.left_over == LeftOverView(
        before="12 more matched: ",
        link_text="see them all",
        after=". The best of them come tomorrow.",
    )
    assert view.schedule == "You get this at 08:00 (Europe/Paris) on weekdays."
    assert view.web_url == LINKS.web


def test_paper_card_reads_as_promised() -> None:
    paper = card(SPARSE)

    assert paper.title == "Sparse features that survive scale"
    assert paper.url == "https://arxiv.org/abs/2602.00001"
    assert paper.authors == "Ada Lovelace, Alan Turing and 4 more"
    assert paper.text_meta == (
        "Ada Lovelace, Alan Turing and 4 more · arXiv cs.LG · ▲\u00a0128 (+41)"
    )
    assert paper.tags == ("cs.AI", "scaling")
    assert paper.snippet.startswith("Features that a sparse autoencoder finds")
    assert paper.snippet.endswith("\u00a0…")
    assert len(paper.snippet) <= 225
    assert paper.text_why == "«sparse autoencoder» in the abstract · tag «interpretability»"
    assert [link.label for link in paper.also] == ["Hugging Face", "code"]


def test_change_is_told_only_when_it_is_a_known_rise() -> None:
    def votes(upvotes: int | None, change: int | None) -> str:
        paper = make_paper(upvotes=upvotes, upvotes_change=change)
        return card(Match(paper=paper, reasons=())).text_meta

    assert votes(12_345, 1_041) == "▲\u00a012,345 (+1,041)"
    assert votes(5, None) == "▲\u00a05"
    assert votes(5, 0) == "▲\u00a05"
    assert votes(5, -2) == "▲\u00a05"
    assert votes(0, None) == ""
    assert votes(None, None) == ""


def test_paper_without_authors_abstract_or_reasons_is_still_whole() -> None:
    paper = card(AWKWARD[2])

    assert paper.authors == ""
    assert paper.meta == ""
    assert paper.snippet == ""
    assert paper.text_why == "matched an interest you have since changed"


def test_links_that_may_not_be_followed_are_dropped() -> None:
    paper = card(AWKWARD[3])

    assert paper.url == LINKS.web
    assert paper.also == ()


def test_also_on_leaves_out_the_title_link_and_nameless_links() -> None:
    links = (
        Link(label="arXiv", url="https://arxiv.org/abs/2602.00001"),
        Link(label=" ", url="https://example.org/nameless"),
        *(Link(label=f"l{n}", url=f"https://example.org/{n}") for n in range(5)),
    )

    paper = card(Match(paper=make_paper(1, links=links), reasons=()))

    assert [link.label for link in paper.also] == ["l0", "l1", "l2"]


def test_paper_without_title_has_a_name_to_click() -> None:
    assert card(Match(paper=make_paper(1, "\u202e \n"), reasons=())).title == "Untitled"


def test_long_title_is_cut_in_subject_and_card() -> None:
    view = view_of(make_digest((Match(paper=make_paper(1, "long " * 200), reasons=()),)))

    assert len(view.subject) <= 70
    assert len(view.papers[0].title) <= 300


@pytest.mark.parametrize(
    ("left_over", "carried", "lead_end", "line"),
    [
        (0, 0, "today.", None),
        (1, 1, "today, and 1 more waits on the site.", "see it. It may come tomorrow."),
        (1_234, 20, "and 1,234 more wait on the site.", "see them all. The best of them come tomo"),
        (3, 0, "today, and 3 more wait on the site.", "see them all."),
    ],
)
def test_left_over_papers_are_counted(
    left_over: int, carried: int, lead_end: str, line: str | None
) -> None:
    view = view_of(make_digest(THREE, left_over=left_over, carried=carried))

    assert view.lead.endswith(lead_end)
    if line is None:
        assert view.left_over is None
    else:
        assert view.left_over is not None
        assert f"{view.left_over.link_text}{view.left_over.after}".startswith(line)


@pytest.mark.parametrize(
    ("next_at", "when"),
    [
        (datetime(2026, 2, 4, 7, tzinfo=UTC), "tomorrow"),
        (datetime(2026, 2, 6, 7, tzinfo=UTC), "on Friday"),
        (datetime(2026, 2, 10, 7, tzinfo=UTC), "in your next digest"),
        (datetime(2026, 2, 3, 7, tzinfo=UTC), "in your next digest"),
        (None, "in your next digest"),
    ],
)
def test_carried_papers_are_promised_for_the_right_day(next_at: datetime | None, when: str) -> None:
    subscriber = make_subscriber(next_digest_at=next_at)

    view = view_of(make_digest(THREE, left_over=3, carried=3, subscriber=subscriber))

    assert view.left_over is not None
    assert view.left_over.after == f". The best of them come {when}."


def test_one_paper_is_told_in_the_singular() -> None:
    view = view_of(make_digest((SPARSE,)))

    assert view.subject == "1 paper for Tue 3 Feb: Sparse features that survive scale"
    assert view.lead == "One paper matches your interests today."


def test_weekly_digest_speaks_of_the_week() -> None:
    weekly = make_subscriber(
        schedule=Schedule(timezone="Europe/Paris", hour=8, weekdays=frozenset({0}))
    )

    view = view_of(make_digest(THREE, subscriber=weekly))

    assert view.lead == "Three papers match your interests this week."
    assert view.schedule == "You get this at 08:00 (Europe/Paris) on Mondays."


def test_empty_digest_says_so() -> None:
    view = view_of(make_digest((), notices=("arXiv rests on Saturday.",)))

    assert view.subject == "No new papers for Tue 3 Feb"
    assert view.lead == "Nothing new matches your interests today."
    assert view.notices == ("arXiv rests on Saturday.",)


def test_welcome_names_the_next_digest() -> None:
    view = view_of(welcome())

    assert view.subject == "Your first 3 papers: Sparse features that survive scale"
    assert view.date == "Tuesday 3 February 2026"
    assert view.lead == (
        "Welcome. These are the best matches of the last 7 days; "
        "your next digest comes on Wednesday 4 February at 08:00."
    )


@pytest.mark.parametrize(
    ("matches", "lead"),
    [
        ((), "Welcome. Nothing of the last 7 days matches your interests."),
        ((SPARSE,), "Welcome. This is the best match of the last 7 days."),
    ],
)
def test_small_welcome_reads_well(matches: tuple[Match, ...], lead: str) -> None:
    subscriber = make_subscriber(next_digest_at=None)

    view = view_of(make_digest(matches, period="welcome", subscriber=subscriber))

    assert view.lead == lead


@pytest.mark.parametrize(
    ("shown", "notice"),
    [
        (
            2,
            "1 more paper of this digest stands on the web only, so that this mail is not cut off.",
        ),
        (
            1,
            "2 more papers of this digest stand on the web only, so that this mail is not cut off.",
        ),
    ],
)
def test_papers_that_find_no_room_are_told(shown: int, notice: str) -> None:
    view = digest_view(three_papers(), LINKS, service_name="Daily papers", shown=shown)

    assert len(view.papers) == shown
    assert view.notices == (notice,)
    assert view.lead.startswith("Three papers")


def test_hostile_texts_lose_their_control_characters() -> None:
    paper = replace(
        PROTEIN.paper, title="a\r\nBcc: x\u202e", venue="v\x1b[1m", authors=("E\x00ve", " ")
    )

    found = card(Match(paper=paper, reasons=()))

    assert found.title == "a Bcc: x"
    assert found.meta == "E ve · v [1m"


def test_paper_is_viewed_outside_a_digest() -> None:
    view = paper_view(SPARSE.paper, SPARSE.reasons, number=4)

    assert view.number == "4"
    assert view.text_why.startswith("«sparse autoencoder»")


@pytest.mark.parametrize(
    ("authors", "line"),
    [
        ((), ""),
        (("A",), "A"),
        (("A", "B", "C"), "A, B, C"),
        (("A", "B", "C", "D"), "A, B and 2 more"),
        (("Lin, Z.", "Akin, H."), "Lin, Z.; Akin, H."),
        (("Lin, Z.", "Akin, H.", "Rao, R.", "Hie, B."), "Lin, Z.; Akin, H. and 2 more"),
        (tuple("A" for _ in range(3002)), "A, A and 3,000 more"),
    ],
)
def test_author_lists_are_shortened(authors: tuple[str, ...], line: str) -> None:
    assert short_authors(authors) == line


def test_words_of_dates_and_counts() -> None:
    assert long_date(date(2026, 11, 1)) == "Sunday 1 November 2026"
    assert number_word(12) == "Twelve"
    assert number_word(13) == "13"
    assert number_word(12_000) == "12,000"
    assert schedule_sentence(SCHEDULE) == "You get this at 08:00 (Europe/Paris) on weekdays."


def test_confirm_letter_tells_what_was_saved() -> None:
    view = confirm_view(
        service_name="Daily papers",
        day=date(2026, 2, 3),
        interests=(
            make_interest("cs.CL", 1, InterestKind.TAG),
            make_interest("survey", 2, InterestKind.MUTED),
        ),
        schedule=SCHEDULE,
        confirm_url="https://papers.example.org/confirm/abc",
    )

    assert view.subject == "Confirm your subscription to Daily papers"
    assert [(line.kind, line.text, line.muted) for line in view.saved] == [
        ("tag", "cs.CL", False),
        ("never", "survey", True),
    ]
    assert view.schedule == "You will get a digest at 08:00 (Europe/Paris) on weekdays."
    assert "If it was not you, ignore this mail" in view.ignore


@pytest.mark.parametrize(
    ("before", "begins"),
    [
        ("bounced", "Mail to this address came back, so your digests were stopped."),
        ("unsubscribed", "You had unsubscribed, so no digests come to you."),
        ("pending", "Somebody, most likely you, asked for trending papers at this address."),
    ],
)
def test_confirm_letter_says_why_digests_were_stopped(before: str, begins: str) -> None:
    view = confirm_view(
        service_name="Daily papers",
        day=date(2026, 2, 3),
        interests=(),
        schedule=SCHEDULE,
        confirm_url="https://papers.example.org/confirm/abc",
        before=SubscriberState(before),
    )

    assert view.lead.startswith(begins)
    assert ("forgotten after 7 days" in view.ignore) is (before == "pending")
