from __future__ import annotations

from datetime import date

import pytest

from digest.errors import UsageError
from digest.feeds.backfill import BackfillStep, backfill_steps
from digest.model import FeedKind

FEB_1, FEB_2 = date(2026, 2, 1), date(2026, 2, 2)


def steps(url: str, *, kind: FeedKind = FeedKind.AUTO, until: date = FEB_2) -> list[BackfillStep]:
    return list(backfill_steps(kind, url, since=FEB_1, until=until))


def test_hugging_face_is_asked_day_by_day() -> None:
    found = steps("https://huggingface.co/api/daily_papers?limit=50&p=3", kind=FeedKind.HF_DAILY)

    assert [(step.first_day, step.last_day) for step in found] == [(FEB_1, FEB_1), (FEB_2, FEB_2)]
    assert found[0].url == "https://huggingface.co/api/daily_papers?date=2026-02-01&limit=100&p=0"
    assert found[0].kind is FeedKind.HF_DAILY


def test_biorxiv_is_asked_day_by_day() -> None:
    url = "https://api.biorxiv.org/details/medrxiv/3d/30?category=epidemiology"

    found = steps(url, kind=FeedKind.BIORXIV)

    assert found[1].url == (
        "https://api.biorxiv.org/details/medrxiv/2026-02-02/2026-02-02/0?category=epidemiology"
    )


def test_the_rss_of_biorxiv_is_read_back_by_its_api() -> None:
    one = steps("https://connect.biorxiv.org/biorxiv_xml.php?subject=cell_biology")[0]
    every = steps("https://connect.medrxiv.org/medrxiv_xml.php?subject=all")[0]

    assert one.kind is FeedKind.BIORXIV
    assert one.url == (
        "https://api.biorxiv.org/details/biorxiv/2026-02-01/2026-02-01/0?category=cell_biology"
    )
    assert every.url == "https://api.biorxiv.org/details/medrxiv/2026-02-01/2026-02-01/0"


def test_the_arxiv_api_is_asked_week_by_week_the_last_one_cut_short() -> None:
    url = "https://export.arxiv.org/api/query?search_query=abs:%22sparse+autoencoder%22&start=5"

    found = steps(url, kind=FeedKind.ARXIV_API, until=date(2026, 2, 10))

    assert [(step.first_day, step.last_day) for step in found] == [
        (FEB_1, date(2026, 2, 7)),
        (date(2026, 2, 8), date(2026, 2, 10)),
    ]
    assert found[1].url == (
        "https://export.arxiv.org/api/query?search_query=%28abs:%22sparse%20autoencoder%22%29"
        "%20AND%20submittedDate:[202602080000%20TO%20202602102359]"
        "&sortBy=submittedDate&sortOrder=ascending&start=0&max_results=100"
    )


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("rss/cs.CL", "cat:cs.CL"),
        ("atom/q-bio", "cat:q-bio*"),
        ("rss/cs.CL+stat.ML", "cat:cs.CL%20OR%20cat:stat.ML"),
    ],
)
def test_the_rss_of_arxiv_is_read_back_by_its_api(path: str, wanted: str) -> None:
    (step,) = steps(f"https://rss.arxiv.org/{path}")

    assert step.kind is FeedKind.ARXIV_API
    assert step.url.startswith(
        f"https://export.arxiv.org/api/query?search_query=%28{wanted.replace('*', '*')}%29%20AND"
    )


def test_crossref_is_asked_by_first_deposit_beside_its_own_filters() -> None:
    url = "https://api.crossref.org/works?filter=issn:1461-0248&sort=created&order=desc&rows=5"

    (step,) = steps(url, kind=FeedKind.CROSSREF)

    assert step.url == (
        "https://api.crossref.org/works?filter=issn:1461-0248,from-created-date:2026-02-01,"
        "until-created-date:2026-02-02&rows=100&cursor=*"
    )


def test_a_feed_that_cannot_be_asked_by_date_is_refused() -> None:
    for url in ("https://blog.example.org/feed", "https://rss.arxiv.org/about"):
        with pytest.raises(UsageError, match="cannot be read back"):
            backfill_steps(FeedKind.AUTO, url, since=FEB_1, until=FEB_2)


def test_days_that_are_still_to_come_give_no_step() -> None:
    assert steps("https://rss.arxiv.org/rss/cs.CL", until=date(2026, 1, 31)) == []
