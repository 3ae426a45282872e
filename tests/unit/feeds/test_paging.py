from __future__ import annotations

import pytest

from digest.feeds.paging import next_page, parameter, polled_whole, with_parameters
from digest.model import FeedKind, ParsedFeed


def page(
    kind: str, *, rows: int, total: int | None = None, cursor: str | None = None
) -> ParsedFeed:
    return ParsedFeed(format=kind, title="", entries=(), rows=rows, total=total, cursor=cursor)


@pytest.mark.parametrize(
    ("url", "parsed", "expected"),
    [
        (
            "https://huggingface.co/api/daily_papers?date=2026-02-02&limit=100",
            page("hf-daily", rows=100),
            "https://huggingface.co/api/daily_papers?date=2026-02-02&limit=100&p=1",
        ),
        (
            "https://huggingface.co/api/daily_papers?date=2026-02-02&limit=100&p=1",
            page("hf-daily", rows=99),
            None,
        ),
        (
            "https://hn.algolia.com/api/v1/search_by_date?hitsPerPage=100",
            page("hacker-news", rows=100, total=101),
            "https://hn.algolia.com/api/v1/search_by_date?hitsPerPage=100&page=1",
        ),
        (
            "https://hn.algolia.com/api/v1/search_by_date?hitsPerPage=100&page=1",
            page("hacker-news", rows=1, total=101),
            None,
        ),
        (
            "https://api.biorxiv.org/details/biorxiv/3d?category=cell_biology",
            page("biorxiv", rows=30, total=45),
            "https://api.biorxiv.org/details/biorxiv/3d/30?category=cell_biology",
        ),
        (
            "https://api.biorxiv.org/details/medrxiv/2026-02-01/2026-02-02/30/json",
            page("biorxiv", rows=30, total=61),
            "https://api.biorxiv.org/details/medrxiv/2026-02-01/2026-02-02/60",
        ),
        ("https://api.biorxiv.org/details/biorxiv/3d/30", page("biorxiv", rows=15, total=45), None),
        ("https://api.biorxiv.org/details/biorxiv/3d", page("biorxiv", rows=15), None),
        ("https://mirror.example.org/all", page("biorxiv", rows=15, total=99), None),
        (
            "https://export.arxiv.org/api/query?search_query=cat:cs.CL",
            page("atom10", rows=10, total=31),
            "https://export.arxiv.org/api/query?search_query=cat:cs.CL&start=10&max_results=10",
        ),
        (
            "https://export.arxiv.org/api/query?start=30&max_results=10",
            page("atom10", rows=1, total=31),
            None,
        ),
        ("https://blog.example.org/feed", page("atom10", rows=10, total=99), None),
        (
            "https://api.crossref.org/works?rows=100&cursor=*",
            page("crossref", rows=100, total=900, cursor="Dn=/"),
            "https://api.crossref.org/works?rows=100&cursor=Dn%3D%2F",
        ),
        ("https://api.crossref.org/works?rows=100", page("crossref", rows=100, total=900), None),
        (
            "https://api.crossref.org/works?cursor=Dn",
            page("crossref", rows=0, total=900, cursor="Dn"),
            None,
        ),
    ],
)
def test_the_next_page_is_where_its_source_says(
    url: str, parsed: ParsedFeed, expected: str | None
) -> None:
    assert next_page(url, parsed) == expected


def test_a_poll_reads_all_pages_where_they_end_after_some_days() -> None:
    dated = "https://huggingface.co/api/daily_papers?date=2026-02-02"

    assert polled_whole(FeedKind.HF_DAILY, dated)
    assert not polled_whole(FeedKind.HF_DAILY, "https://huggingface.co/api/daily_papers?limit=100")
    assert polled_whole(FeedKind.BIORXIV, "https://api.biorxiv.org/details/biorxiv/3d")
    assert not polled_whole(FeedKind.ARXIV_API, "https://export.arxiv.org/api/query")


def test_parameters_are_set_added_and_taken_out() -> None:
    url = "https://a.example/x?a=1&b=two+words#part"

    changed = with_parameters(url, a=None, c="p:q", d=4)

    assert changed == "https://a.example/x?b=two%20words&c=p:q&d=4"
    assert parameter(changed, "b") == "two words"
    assert parameter(changed, "a") is None


def test_a_page_number_that_is_none_counts_as_the_first() -> None:
    url = "https://huggingface.co/api/daily_papers?p=many&limit=99999999999"

    assert next_page(url, page("hf-daily", rows=50)) == (
        "https://huggingface.co/api/daily_papers?limit=99999999999&p=1"
    )
