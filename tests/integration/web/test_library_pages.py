from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import col, update
from starlette.testclient import TestClient

from digest.model import PaperId
from digest.store.library import Shelf, month_of
from digest.store.tables import FeedRow, ListingRow, PaperRow, RevisionRow, TagRow
from tests.support.site_world import NOW, TODAY, SiteWorld, add_day, read_words

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202egnp \x07{{7*7}} 🧪 '
HOSTILE += "x" * 4_000


@pytest.fixture(autouse=True)
def papers(site: SiteWorld) -> None:
    add_day(site.store)


def test_a_day_without_listings_says_so(client: TestClient) -> None:
    page = client.get("/daily/2026-02-01")

    assert page.status_code == 200
    assert "Nothing was listed on this day" in page.text


@pytest.mark.parametrize("day", ["2026-02-04", "2026-2-3", "20260203", "yesterday", "0000-00-00"])
def test_a_day_to_come_or_that_is_none_is_missing(client: TestClient, day: str) -> None:
    assert client.get(f"/daily/{day}").status_code == 404


def test_the_calendar_links_the_days_that_have_papers(client: TestClient) -> None:
    page = client.get("/daily")

    assert 'href="/daily/2026-02-03"' in page.text
    assert 'href="/daily/2026-02-02"' not in page.text


def test_the_pages_of_a_day_hold_every_paper_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.web.edition._PAGE", 2)

    pages = [client.get(f"/?page={number}").text for number in (1, 2)]

    for number in range(4):
        assert sum(page.count(f'href="/papers/arxiv:2602.{number:05d}"') for page in pages) == 1
    assert client.get("/?page=3").status_code == 404


@pytest.mark.parametrize("query", ["", "?sort=upvotes", "?view=list", "?tag=planning&sort=upvotes"])
def test_the_pages_of_the_library_hold_every_paper_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    whole = client.get(f"/papers{query}").text
    monkeypatch.setattr("digest.web.library_pages._PAGE", 1)
    seen, address = "", f"/papers{query}"

    for _ in range(6):
        page = client.get(address).text
        seen += page
        if 'rel="next"' not in page:
            break
        address = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
        address = address.replace("&amp;", "&")

    for number in range(4):
        link = f'href="/papers/arxiv:2602.{number:05d}"'
        assert seen.count(link) == whole.count(link)


def test_a_search_shows_why_and_how_many(client: TestClient) -> None:
    page = client.get("/papers", params={"q": "robot AND repairs"})

    assert "1 paper found." in page.text
    assert "<mark><bdi>repairs</bdi></mark>" in page.text


def test_a_query_that_cannot_be_understood_is_pointed_at(client: TestClient) -> None:
    page = client.get("/papers", params={"q": "robot AND"})

    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert "^" in page.text


def test_an_empty_search_offers_a_way_on(client: TestClient) -> None:
    page = client.get("/papers", params={"q": "phlogiston"})

    assert page.status_code == 200
    assert "Nothing in the library fits." in page.text


@pytest.mark.parametrize(
    "query", ["month=2026-13", "month=x", "upvotes=-1", "upvotes=many", "after=1~x", "after=~"]
)
def test_a_filter_that_is_none_is_missing(client: TestClient, query: str) -> None:
    assert client.get(f"/papers?{query}").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [("tag=planning", 1), ("feed=hf-daily", 0), ("upvotes=97", 2), ("month=2026-02", 4)],
)
def test_filters_count_exactly(client: TestClient, query: str, count: int) -> None:
    said = {0: "No papers found.", 1: "1 paper found."}.get(count, f"{count} papers found.")

    assert said in client.get(f"/papers?{query}").text


def test_a_tag_has_a_page_whatever_its_case(client: TestClient) -> None:
    assert "Sparse features" in client.get("/tags/CS.lg").text
    assert client.get("/tags/none-such").status_code == 404
    assert 'href="/tags/sparse%20autoencoders"' in client.get("/tags").text


def test_topics_stand_in_their_groups_with_counts(client: TestClient) -> None:
    page = client.get("/tags").text

    assert page.index("Machines") < page.index(">Robots<") < page.index(">Tags<")
    assert '<a href="/tags/Robots"><bdi>Robots</bdi></a><span class="number">1</span>' in page
    assert "Machines that move" in page
    assert "Phlogiston" not in page


def test_a_topic_has_a_page_like_any_tag(client: TestClient) -> None:
    page = client.get("/tags/robots").text

    assert "Plans that a small robot can keep" in page
    assert "1 paper found." in page


def test_the_timeline_counts_months_and_years(client: TestClient) -> None:
    page = client.get("/timeline").text

    assert 'href="/papers?month=2026-02"' in page
    assert 'href="/papers?month=2026"' in page


def test_a_papers_page_says_all_that_is_known(site: SiteWorld, client: TestClient) -> None:
    with site.store.write() as tx:
        tx.add(RevisionRow(paper_id=1, version=2, seen_at=NOW, changed=["title", "abstract"]))

    page = client.get("/papers/arxiv:2602.00000").text

    assert "Ada Lovelace, Alan Turing, Grace Hopper, Emmy Noether" in page
    assert "before training is repeated at full scale." in page
    assert "the title and abstract changed" in page
    assert 'href="/cite/bibtex/arxiv:2602.00000"' in page


def test_citations_are_files(site: SiteWorld, client: TestClient) -> None:
    bib = client.get("/cite/bibtex/arxiv:2602.00000")
    ris = client.get("/cite/ris/arxiv:2602.00000")

    assert bib.headers["content-disposition"] == 'attachment; filename="arxiv-2602-00000.bib"'
    assert bib.text.startswith("@misc{lovelacesparse,\n  title = {{Sparse features")
    assert ris.text.startswith("TY  - UNPB\r\nTI  - Sparse features")
    assert ris.text.endswith("ER  - \r\n")


def test_a_name_with_and_in_it_is_one_author_of_a_bibtex_entry(
    site: SiteWorld, client: TestClient
) -> None:
    authors = ["Ada Lovelace", "Institute for Arts AND Sciences", "Sandy Anders", "others"]
    with site.store.write() as tx:
        tx.exec(update(PaperRow).values(authors=authors))

    bib = client.get("/cite/bibtex/arxiv:2602.00000").text

    assert (
        "author = {Ada Lovelace and {Institute for Arts AND Sciences} and Sandy Anders "
        "and {others}}" in bib
    )


@pytest.mark.parametrize(
    "path", ["/papers/arxiv:9999.99999", "/cite/ris/x", "/papers/%00", "/papers/"]
)
def test_an_unknown_paper_is_missing(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_no_address_leads_elsewhere(client: TestClient) -> None:
    for path in ("//evil.example/", "/papers//evil.example", "/login//evil.example/"):
        answer = client.get(path)
        assert "evil.example" not in answer.headers.get("location", "")


def test_hostile_text_is_text_on_every_list(site: SiteWorld, client: TestClient) -> None:
    with site.store.write() as tx:
        tx.exec(
            update(PaperRow).values(
                title=HOSTILE,
                abstract=HOSTILE * 250,
                authors=[HOSTILE],
                venue=HOSTILE,
                url="javascript:alert(1)",
                links=[[HOSTILE, "javascript:alert(2)"], [HOSTILE, "https://example.org/x"]],
            )
        )
        tx.exec(update(TagRow).values(name=HOSTILE[:200]))
        tx.exec(update(FeedRow).values(name=HOSTILE[:60]))
    read_words(site.store, [PaperId(one) for one in range(1, 5)])

    for path in (
        *("/", "/daily", "/papers", "/papers?view=list", "/papers?q=alert", "/tags", "/timeline"),
        *("/papers/arxiv:2602.00000", "/subscribe", "/feed.atom"),
    ):
        page = client.get(path)
        assert page.status_code == 200, path
        assert len(page.content) < 110_000, path
        for markup in ("<script>", "<img", "javascript:", "\u202e", "\x07", "49 🧪"):
            assert markup not in page.text, (path, markup)


def test_pages_weigh_less_than_100_kb(client: TestClient) -> None:
    for path in ("/", "/papers", "/tags", "/timeline", "/subscribe", "/papers/arxiv:2602.00000"):
        assert len(client.get(path).content) < 100_000


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("2024-12", date(2024, 12, 1), date(2024, 12, 31)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("9999-12", date(9999, 12, 1), date(9999, 12, 31)),
    ],
)
def test_a_month_or_a_year_spans_its_days(text: str, since: date, until: date) -> None:
    assert month_of(text) == Shelf(since=since, until=until)


def test_yesterdays_papers_have_a_day_of_their_own(site: SiteWorld, client: TestClient) -> None:
    with site.store.write() as tx:
        tx.exec(
            update(ListingRow)
            .where(col(ListingRow.paper_id) > 2)
            .values(day=TODAY - timedelta(days=1))
        )

    today, before = client.get("/").text, client.get("/daily/2026-02-02").text

    assert "2 papers from 1 feed." in today
    assert "← Mon 2 Feb" in today
    assert "2 papers from 1 feed." in before
    assert "Tue 3 Feb →" in before
