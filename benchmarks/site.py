"""Pages of the site over a large library: SITE_PAPERS sets how large, 1,000,000 unless set.

SITE_DATABASE names a file to keep the data in, which takes longer to make than to ask.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI
from sqlmodel import Session
from starlette.testclient import TestClient

from benchmarks.population import vocabulary
from benchmarks.result import Result, peak_mb
from digest.digests.schedule import first_digest_at
from digest.matching.annotate import Annotator
from digest.matching.fulltext import feed_label, filing_labels, name_labels, spell, tag_label
from digest.matching.names import name_readings
from digest.matching.text import words_of
from digest.resources import resource_dir
from digest.settings import Settings
from digest.store import Store
from digest.store.fulltext import any_stale
from digest.subscribers.decide import SignupRules
from digest.subscribers.tokens import TokenSigner
from digest.web import WebDeps, create_app

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
DAYS = 3_650
FEEDS = 9
TAGS = 2_000
SUBSCRIBERS = 100_000
_BATCH = 20_000
_REPEATS = 21
WORDS = 139
AUTHOR = "Ada Lovelace"
BASE_URL = "http://papers.example.org"


def run() -> list[Result]:
    """Make the data, then ask each page a few times."""
    count = int(os.environ.get("SITE_PAPERS", "1000000"))
    with tempfile.TemporaryDirectory() as folder:
        kept = os.environ.get("SITE_DATABASE")
        path = Path(kept or Path(folder) / "digest.db")
        known = path.exists() and path.stat().st_size > 0
        store = Store(f"sqlite:///{path}")
        if known:
            store.upgrade()
            _read_as_now(store)
        else:
            store.ensure_schema()
            _fill(store, count)
        client = TestClient(_app(store), base_url=BASE_URL)
        client.get("/tags")  # the counts over everything are kept in memory
        results = [_measure(client, name, path, count) for name, path in _pages()]
        results += [_measure(client, f"search: {name}", path, count) for name, path in _searches()]
        store.close()
    return results


def _pages() -> tuple[tuple[str, str], ...]:
    far = "2020-06-15~10000"
    return (
        ("today", "/"),
        ("library", "/papers"),
        ("library, deep page", f"/papers?after={far}"),
        ("library by upvotes", "/papers?sort=upvotes"),
        ("common tag", "/papers?tag=tag-0"),
        ("rare tag", "/papers?tag=tag-1999"),
        ("feed", "/papers?feed=feed-3"),
        ("month", "/papers?month=2024-05"),
        ("tag in a month", "/papers?tag=tag-0&month=2024-05"),
        ("tag and upvotes", "/papers?tag=tag-5&upvotes=500"),
        ("tags", "/tags"),
        ("timeline", "/timeline"),
        ("paper", "/papers/arxiv:2001.000777"),
        ("atom", "/feed.atom"),
    )


def _searches() -> tuple[tuple[str, str], ...]:
    words, _ = vocabulary(random.Random(6))
    first, second, often, seldom = words[0], words[1], words[300], words[12_000]
    queries = (
        ("the commonest word", first),
        ("a common word", often),
        ("a rare word", seldom),
        ("two common words", f"{first} AND {second}"),
        ("a common phrase", f"{words[30]} {words[40]}"),
        ("the commonest phrase", f"{first} {second}"),
        ("a phrase of three of the commonest", f"{first} {second} {words[2]}"),
        ("a rare phrase", f"{often} {seldom}"),
        ("a prefix", f"{often[:5]}*"),
        ("one of two, not a third", f"({often} OR {seldom}) NOT {second}"),
        ("in the title", f"title:{often}"),
        ("an author and a word", f'author:"{AUTHOR}" AND {often}'),
        ("by upvotes in the query", f"{often} AND upvotes:>=50"),
        ("nothing", f"{seldom} phlogiston"),
    )
    common = urlencode({"q": first})
    return (
        *((name, f"/papers?{urlencode({'q': query})}") for name, query in queries),
        ("the commonest word, by upvotes", f"/papers?{common}&sort=upvotes"),
        ("the commonest word, deep page", f"/papers?{common}&after=2020-06-15~10000"),
        ("the commonest word, tag, month", f"/papers?{common}&tag=tag-3&month=2024-05"),
        ("the commonest word, rare tag", f"/papers?{common}&tag=tag-1999"),
        ("the commonest word, 37 upvotes", f"/papers?{common}&upvotes=37"),
        ("the commonest word, feed, year", f"/papers?{common}&feed=feed-3&month=2023"),
        ("preview of the commonest word", f"/preview?{urlencode({'text': first})}"),
        ("preview of a common word", f"/preview?{urlencode({'text': often})}"),
    )


def _read_as_now(store: Store) -> None:
    """Say of kept data that it was read as papers are read now."""
    with store.write() as tx:
        fingerprint = Annotator().fingerprint
        if any_stale(tx, fingerprint):
            tx.connection().exec_driver_sql("UPDATE paper SET annotated_with = ?", (fingerprint,))


def _measure(client: TestClient, name: str, path: str, count: int) -> Result:
    """Ask for one page again and again; CPU is counted, so that a busy machine shows as little."""
    times = []
    for _ in range(_REPEATS):
        began = time.process_time()
        answer = client.get(path)
        times.append(time.process_time() - began)
        assert answer.status_code == 200, (path, answer.status_code)
        assert len(answer.content) < 100_000, (path, len(answer.content))
    seconds = statistics.median(times)
    work = f"{count:,} papers, {len(answer.content) / 1000:.0f} KB, CPU, median of {_REPEATS}"
    return Result(name=f"site: {name}", work=work, count=1, seconds=seconds, peak_mb=peak_mb())


def _app(store: Store) -> FastAPI:
    rules = SignupRules(signer=TokenSigner(["k" * 40]), first_digest_at=first_digest_at)
    return create_app(
        WebDeps(
            store=store,
            settings=Settings.model_validate({"service": {"base_url": BASE_URL}}),
            rules=rules,
            clock=lambda: NOW,
            templates=resource_dir("templates"),
        )
    )


def _fill(store: Store, count: int) -> None:
    with store.write() as tx:
        for number in range(FEEDS):
            _insert(
                tx,
                "INSERT INTO feed (name,url,kind,tags,from_config,paused,created_at,next_poll_at,"
                "failures,cross) VALUES (?,?,'feed','[]',0,0,?,?,0,0)",
                [(f"feed-{number}", f"https://example.org/{number}", _at(NOW), _at(NOW))],
            )
        _insert(
            tx,
            "INSERT INTO tag (key, name) VALUES (?,?)",
            [(f"tag-{number}", f"tag-{number}") for number in range(TAGS)],
        )
        _insert(
            tx,
            "INSERT INTO subscriber (email,email_key,state,timezone,hour,weekdays,max_papers,"
            "min_upvotes,created_at,wants_welcome,text_only,link_epoch) "
            "VALUES (?,?,'active','UTC',8,127,20,0,?,0,0,0)",
            [(f"s{n}@example.org", f"s{n}@example.org", _at(NOW)) for n in range(SUBSCRIBERS)],
        )
    chance = random.Random(6)
    words, weights = vocabulary(chance)
    keys = {word: words_of(word)[0].key for word in words}
    for start in range(0, count, _BATCH):
        ids = range(start + 1, min(start + _BATCH, count) + 1)
        texts = [chance.choices(words, weights, k=WORDS) for _ in ids]
        with store.write() as tx:
            _papers(tx, chance, zip(ids, texts, strict=True), count, keys)


def _papers(
    tx: Session,
    chance: random.Random,
    texts: Iterable[tuple[int, list[str]]],
    count: int,
    keys: dict[str, str],
) -> None:
    papers, aliases, tags, windows, listings, spelt = [], [], [], [], [], []
    fingerprint = Annotator().fingerprint
    readings = name_readings(AUTHOR)
    said = {spell(part) for reading in readings for part in reading}
    names = " ".join(sorted(said.union(*map(name_labels, readings))))
    for one, words in texts:
        day = date(2026, 2, 3) - timedelta(days=(count - one) * DAYS // count)
        title = " ".join(words[:9])
        upvotes = int(chance.paretovariate(1.2)) if chance.random() < 0.3 else None
        papers.append(
            (one, f"arxiv:2001.{one:06d}", title, " ".join(words[9:]), day.isoformat(),
             day.isoformat(), f"{day} 05:00:00.000000", upvotes, fingerprint)
        )  # fmt: skip
        aliases.append((f"arxiv:2001.{one:06d}", one))
        chosen = {min(int(chance.expovariate(1 / 25)), TAGS - 1) for _ in range(3)}
        chosen |= {TAGS - 1} if one % 50_000 == 1 else set()
        tags += [(one, tag + 1) for tag in chosen]
        feed = chance.randrange(FEEDS) + 1
        windows.append((one, feed, f"{day} 05:00:00.000000"))
        listings.append((one, feed, day.isoformat(), upvotes))
        folded = [keys[word] for word in words]
        labels = {tag_label(f"tag-{tag}") for tag in chosen}
        labels |= {feed_label(f"feed-{feed - 1}"), *filing_labels(day, upvotes)}
        spelt.append(
            (one, " ".join(folded[:9]), " ".join(folded[9:]), names,
             " ".join(sorted(labels)))
        )  # fmt: skip
    _insert(
        tx,
        "INSERT INTO paper (id,alias,title,abstract,authors,venue,url,links,published_on,"
        "dated_on,first_seen_at,upvotes,annotated_with) VALUES "
        "(?,?,?,?,'[\"Ada Lovelace\"]','arXiv','https://example.org','[]',?,?,?,?,?)",
        papers,
    )
    _insert(tx, "INSERT INTO alias (alias,paper_id) VALUES (?,?)", aliases)
    _insert(tx, "INSERT INTO paper_tag (paper_id,tag_id,topic) VALUES (?,?,0)", tags)
    _insert(
        tx, "INSERT INTO window (paper_id,feed_id,listed_at,backfilled) VALUES (?,?,?,0)", windows
    )
    _insert(tx, "INSERT INTO listing (paper_id,feed_id,day,upvotes) VALUES (?,?,?,?)", listings)
    # What the annotator would write of such plain words, in a tenth of the time.
    _insert(
        tx,
        "INSERT INTO paper_words (rowid,title,abstract,forms,cased,names,labels) "
        "VALUES (?,?,?,'','',?,?)",
        spelt,
    )


def _insert(tx: Session, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    driver = tx.connection().connection.driver_connection
    assert driver is not None
    driver.executemany(statement, rows)


def _at(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")
