from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Entry
from digest.papers.own_ids import own_id, place_of, tidy_url

TOKEN = "hw-ZsXKhVAGCTjFtCd1_HSjC_Wzr17tA9ZsjSFEKyEIWhyuB-k8j-5c703Z9mN8NT"


@pytest.mark.parametrize(
    ("source_id", "url", "own"),
    [
        ("tag:example.org,2026:1", "https://example.org/1", "tag:example.org,2026:1"),
        (None, "https://www.example.org/post/1/?utm_source=rss&id=2", "example.org/post/1?id=2"),
        ("http://example.org/post/1", None, "example.org/post/1"),
        ("https://example.org/a;jsessionid=AB12?x=1#part", None, "example.org/a?x=1#part"),
        (f"https://cnki.net/kcms/detail?v={TOKEN}", None, None),
        (f"https://cnki.net/detail?v={TOKEN}", "https://cnki.net/7", "cnki.net/7"),
        (f"https://example.org/article/12?token={TOKEN}", None, "example.org/article/12"),
        (f"https://cnki.net/kcms2/article/abstract?v={TOKEN}", None, None),
        (f"https://example.org/2024/view.php?token={TOKEN}", None, None),
        (None, "https://example.org/view?cid=123", "example.org/view?cid=123"),
        (None, "https://example.org/view?source=7&from=rss", "example.org/view?source=7"),
        (None, "https://example.org/read.php?sid=12", "example.org/read.php?sid=12"),
        ("  ", None, None),
        ("http://[broken", None, "http://[broken"),
        (None, None, None),
    ],
)
def test_own_ids_hold_no_tracking_and_no_session(
    source_id: str | None, url: str | None, own: str | None
) -> None:
    assert own_id(Entry(title="x", source_id=source_id, url=url)) == own


def test_overlong_ids_are_hashed() -> None:
    found = own_id(Entry(title="x", source_id="a" * 5000))

    assert found is not None
    assert found.startswith("sha256-")
    assert len(found) == 71


@pytest.mark.parametrize(
    ("url", "tidy"),
    [
        ("HTTPS://Example.org/a?utm_medium=rss", "https://Example.org/a"),
        (
            " https://pubmed.ncbi.nlm.nih.gov/1/?utm_source=Mobile Safari&v=2.15",
            "https://pubmed.ncbi.nlm.nih.gov/1/?v=2.15",
        ),
        (
            f"https://cnki.net/kcms2/abstract?v={TOKEN}",
            f"https://cnki.net/kcms2/abstract?v={TOKEN}",
        ),
        (f"https://example.org/article/12?token={TOKEN}", "https://example.org/article/12"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ('https://x.org/"onclick', None),
        ("http://[x", None),
        ("https://", None),
        ("https://x.org/" + "a" * 5000, None),
        ("https://x.org/" + "a" * 2500, None),
        (None, None),
    ],
)
def test_only_tidy_web_urls_pass(url: str | None, tidy: str | None) -> None:
    assert tidy_url(url) == tidy


@given(st.text(max_size=80))
def test_tidying_twice_changes_nothing(text: str) -> None:
    once = tidy_url(f"https://example.org/{text}")

    assert once is None or tidy_url(once) == once


def test_a_place_is_the_same_with_another_token() -> None:
    one = place_of(f"https://www.cnki.net/kcms2/abstract?v={TOKEN}")
    other = place_of(f"http://cnki.net/kcms2/abstract/?v={TOKEN[::-1]}")

    assert one == other == "cnki.net/kcms2/abstract"
