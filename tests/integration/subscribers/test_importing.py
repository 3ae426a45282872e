from __future__ import annotations

import json

from digest.model import ConsentKind, InterestKind, SubscriberState
from digest.store import Store
from digest.store.subscribers import list_subscribers, suppress
from digest.subscribers.decide import SignupRules
from digest.subscribers.importing import import_lines
from digest.subscribers.lines import LineProblem
from tests.support.people import NOW, active, letter_states, read, texts


def line(email: str, **rest: object) -> bytes:
    return json.dumps({"email": email, **rest}).encode() + b"\n"


def test_a_bad_address_in_line_812_stops_nobody_else(store: Store, rules: SignupRules) -> None:
    lines = [line(f"reader{number}@example.org", keywords=["agents"]) for number in range(1, 1001)]
    lines[811] = line("reader812 at example.org")
    seen: list[int] = []

    counts = import_lines(store, rules, lines, now=NOW, confirmed=True, progress=seen.append)

    assert counts.imported == 999
    assert counts.updated == 0
    assert counts.rejected == (
        LineProblem(
            line=812,
            email="reader812 at example.org",
            error=(
                "'reader812 at example.org' is not a usable address: "
                "an email address must have an @-sign"
            ),
        ),
    )
    assert seen[-1] == 1000


def test_importing_again_updates_and_adds_nobody(store: Store, rules: SignupRules) -> None:
    import_lines(store, rules, [line("ada@example.org", tags=["cs.CL"])], now=NOW, confirmed=True)

    counts = import_lines(
        store, rules, [line("ADA@example.org", tags=["cs.LG"], hour=6)], now=NOW, confirmed=True
    )

    assert (counts.imported, counts.updated) == (0, 1)
    with store.read() as tx:
        (ada,) = list_subscribers(tx)
    assert ada.schedule.hour == 6
    assert texts(ada.interests, InterestKind.TAG) == ["cs.LG"]


def test_an_address_that_stands_twice_in_a_file_ends_as_its_last_line(
    store: Store, rules: SignupRules
) -> None:
    counts = import_lines(
        store,
        rules,
        [line("ada@example.org", hour=6), line("Ada@example.org", hour=9)],
        now=NOW,
        confirmed=True,
    )

    assert (counts.imported, counts.updated) == (1, 1)
    with store.read() as tx:
        assert [one.schedule.hour for one in list_subscribers(tx)] == [9]


def test_an_import_never_revives_who_left(store: Store, rules: SignupRules) -> None:
    subscriber_id = active(store, rules)
    with store.write() as tx:
        suppress(tx, subscriber_id, ConsentKind.UNSUBSCRIBED, NOW, "test")

    counts = import_lines(
        store,
        rules,
        [line("grace@example.org"), line("ada@example.org")],
        now=NOW,
        confirmed=True,
    )

    assert counts.imported == 1
    (rejected,) = counts.rejected
    assert rejected.line == 2
    assert rejected.email == "ada@example.org"
    assert rejected.error.startswith("unsubscribed; only the owner of this address")
    assert read(store, subscriber_id).state is SubscriberState.UNSUBSCRIBED


def test_without_consent_on_record_each_is_asked_to_confirm(
    store: Store, rules: SignupRules
) -> None:
    counts = import_lines(
        store,
        rules,
        [line("ada@example.org"), line("grace@example.org")],
        now=NOW,
        confirmed=False,
    )

    assert counts.imported == 2
    assert letter_states(store) == ["ready", "ready"]
    with store.read() as tx:
        assert {one.state for one in list_subscribers(tx)} == {SubscriberState.PENDING}


def test_an_empty_file_imports_nobody(store: Store, rules: SignupRules) -> None:
    counts = import_lines(store, rules, [], now=NOW, confirmed=True)

    assert (counts.imported, counts.updated, counts.rejected) == (0, 0, ())
