from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from digest.errors import ConfigError
from digest.feeds.catalogue import load_catalogue
from digest.model import FeedKind
from digest.settings import FeedSettings


def test_the_bundled_catalogue_is_a_menu_of_usable_feeds() -> None:
    catalogue = load_catalogue()

    assert len(catalogue) >= 60
    assert catalogue["hf-daily"].kind is FeedKind.HF_DAILY
    assert catalogue["arxiv-cs.CL"].tags == ("cs.CL",)
    assert {urlsplit(feed.url).scheme for feed in catalogue.values()} == {"https"}
    assert all(feed.description.endswith(".") for feed in catalogue.values())


def test_all_problems_of_a_catalogue_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(
        '[[feed]]\nname = "a"\nurl = "https://a.example/"\n'
        '[[feed]]\nname = "a"\nurl = "https://a.example/"\n'
        '[[feed]]\nname = "b"\n'
        '[[feed]]\nname = "c"\nurl = "https://c.example/"\nkind = "telex"\n'
        '[[feed]]\nname = "d"\nurl = "https://d.example/"\ncolour = "red"\n'
    )

    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)

    assert [problem.removeprefix(f"{path}: ") for problem in caught.value.problems] == [
        "feed 2: the name 'a' stands twice",
        "feed 3: needs a name and a url",
        "feed 4: 'telex' is no kind of feed",
        "feed 5: unknown key 'colour'",
    ]


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[[feed")

    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_catalogue(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"broken\.toml: is not TOML"):
        load_catalogue(broken)


def test_every_feed_of_the_catalogue_has_a_name_and_url_that_can_be_added() -> None:
    added = [
        FeedSettings(name=feed.name, url=feed.url, kind=feed.kind, tags=feed.tags, cross=feed.cross)
        for feed in load_catalogue().values()
    ]

    assert len({feed.url for feed in added}) == len(added)
