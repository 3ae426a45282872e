"""What a mail says of us, once a relay takes it to people."""

from __future__ import annotations

from typing import Any

import pytest

from digest.delivery.readiness import address_problems, stays_here
from digest.settings import Settings


def settings(smtp: dict[str, Any], **service: object) -> Settings:
    return Settings.model_validate(
        {"service": service, "mail": {"transport": "smtp"}, "smtp": smtp}
    )


PROPER = {
    "service": {"base_url": "https://papers.example.org"},
    "mail": {"from": "Papers <digest@example.org>", "list_id": "papers.example.org"},
}


def test_names_that_readers_can_reach_are_no_problem() -> None:
    assert address_problems(Settings.model_validate(PROPER)) == []


def test_the_defaults_lead_nowhere_and_each_is_named_with_what_to_set() -> None:
    assert address_problems(Settings()) == [
        (
            "service.base_url: http://127.0.0.1:8000 leads to the reader's own machine: "
            "set it to where the site is reached, such as https://papers.example.org"
        ),
        (
            "mail.list_id: daily-papers.localhost is nobody's: set it once to a name below a "
            "domain of yours, such as daily-papers.example.org; people filter by it"
        ),
        (
            "mail.from: localhost is no domain that a reader could answer to: "
            'set it to an address of yours, such as "Daily papers <digest@example.org>"'
        ),
    ]


def test_a_site_without_tls_cannot_unsubscribe_with_one_click() -> None:
    clear = {**PROPER, "service": {"base_url": "http://papers.example.org"}}

    assert address_problems(Settings.model_validate(clear)) == [
        (
            "service.base_url: http://papers.example.org is not https, and providers unsubscribe "
            "by https alone: serve the site over TLS, and set it to its https address"
        )
    ]


@pytest.mark.parametrize(
    ("smtp", "why"),
    [
        ({"host": "127.0.0.1"}, "the relay 127.0.0.1 is this machine"),
        ({"host": "::1"}, "the relay ::1 is this machine"),
        (
            {"host": "mail", "port": 1025, "security": "none", "allow_clear_text": True},
            "the relay mail:1025 is a mail catcher",
        ),
        ({"host": "postfix", "port": 25}, ""),
        ({"host": "smtp.example.org", "port": 1025}, ""),
    ],
)
def test_mail_that_reaches_nobody_is_known_by_its_relay(smtp: dict[str, Any], why: str) -> None:
    assert stays_here(settings(smtp)) == why


def test_an_outbox_reaches_nobody() -> None:
    assert stays_here(Settings()) == "mail stays in the outbox"
