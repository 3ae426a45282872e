from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.clock import fixed_clock
from digest.housekeeping import keep_house
from digest.service import Service, open_service
from digest.settings import Settings
from digest.store.facts import HOUSE_KEPT, get_fact_at
from digest.store.subscribers import count_by_state
from digest.store.tokens import find_token, save_token
from digest.subscribers.signup import add_subscriber, find_subscriber
from digest.subscribers.wanted import SubscriberLine

SIGNED_UP = datetime(2026, 2, 1, 12, tzinfo=UTC)


def opened(folder: Path) -> Service:
    settings = Settings.model_validate({"service": {"data_dir": folder}})
    service = open_service(settings, clock=fixed_clock(SIGNED_UP))
    service.store.ensure_schema()
    return service


def sign_up(service: Service) -> None:
    add_subscriber(
        service.store,
        service.signup_rules,
        SubscriberLine(email="ada@example.org"),
        now=SIGNED_UP,
    )
    with service.store.write() as tx:
        subscriber = find_subscriber(tx, "ada@example.org")
        assert subscriber is not None
        save_token(
            tx,
            digest="d1",
            purpose="undo",
            subscriber_id=subscriber.id,
            now=SIGNED_UP,
            expires_at=SIGNED_UP + timedelta(hours=48),
        )


def test_sign_ups_that_were_never_confirmed_are_dropped_after_a_week(tmp_path: Path) -> None:
    service = opened(tmp_path)
    sign_up(service)
    keep_house(service.store, SIGNED_UP + timedelta(days=6), service.settings.digest)

    kept = keep_house(
        service.store, SIGNED_UP + timedelta(days=7, hours=1), service.settings.digest
    )

    with service.store.read() as tx:
        left = count_by_state(tx)
    service.close()
    assert kept.unconfirmed == 1
    assert kept.rested is False
    assert left == {}


def test_nothing_is_pruned_on_the_day_after_a_long_absence(tmp_path: Path) -> None:
    service = opened(tmp_path)
    sign_up(service)
    keep_house(service.store, SIGNED_UP, service.settings.digest)
    back = SIGNED_UP + timedelta(days=30)

    first = keep_house(service.store, back, service.settings.digest)
    same_day = keep_house(service.store, back + timedelta(hours=23), service.settings.digest)
    next_day = keep_house(service.store, back + timedelta(hours=25), service.settings.digest)

    with service.store.read() as tx:
        token = find_token(tx, digest="d1", purpose="undo")
        last = get_fact_at(tx, HOUSE_KEPT)
    service.close()
    assert first.rested is True
    assert same_day.rested is True
    assert next_day.rested is False
    assert next_day.unconfirmed == 1
    assert token is None
    assert last == back + timedelta(hours=25)
