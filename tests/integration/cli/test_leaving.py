"""People who leave by another way than the button, and who come back."""

from __future__ import annotations

import email
import email.policy
import re

from tests.support.command_line import CommandLine

ADA = "ada@example.org"


def test_a_mail_to_the_unsubscribe_address_can_be_honoured(after_demo: CommandLine) -> None:
    mail = next((after_demo.folder / "var/outbox").glob("*.eml"))
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    found = re.search(r"subject=(unsubscribe-[\w-]+)", message["List-Unsubscribe"])
    assert found is not None

    first = after_demo("subscribers", "unsubscribe", found[1])
    again = after_demo("subscribers", "unsubscribe", message["To"])

    assert (first.code, first.out) == (0, "unsubscribed\n")
    assert (again.code, again.out) == (0, "not subscribed before either\n")


def test_a_subject_that_is_not_ours_is_refused(after_demo: CommandLine) -> None:
    done = after_demo("subscribers", "unsubscribe", "unsubscribe-forged")

    assert done.code == 1
    assert done.out == ""


def test_who_left_is_asked_by_mail_before_anything_comes_again(after_demo: CommandLine) -> None:
    after_demo("subscribers", "unsubscribe", ADA)

    stated = after_demo("subscribers", "add", ADA, "--confirmed")
    asked = after_demo("subscribers", "add", ADA)

    assert stated.code == 1
    assert "add it without --confirmed" in stated.err
    assert asked.code == 0
    assert "confirm" in asked.out
