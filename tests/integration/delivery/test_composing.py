"""Real digest mails, from the ledger's rows to what a mail program reads."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from sqlmodel import Session, delete, update

from digest.clock import fixed_clock
from digest.delivery.composing import DigestComposer, Sender, digest_of_plan
from digest.delivery.materialise import plan_preview
from digest.delivery.outbox import OutboxTransport
from digest.delivery.run import DeliverCounts, deliver
from digest.digests.message import Encoded
from digest.digests.render import DigestRenderer
from digest.errors import RenderError
from digest.model import (
    DeliveryId,
    Digest,
    DigestLinks,
    Message,
    Outcome,
    OutcomeKind,
    PaperId,
    SubscriberId,
)
from digest.model.ingest import Merge
from digest.resources import resource_dir
from digest.settings import DigestSettings, Settings
from digest.store import ledger
from digest.store.engine import Store
from digest.store.merges import merge_papers
from digest.store.subscribers import get_subscriber
from digest.store.tables import InterestRow, QueryRow
from digest.subscribers.tokens import TokenSigner
from tests.support.ledger_world import (
    DAY,
    MONDAY,
    add_papers,
    add_subscribers,
    assert_all_accounted_for,
    counts,
    message_ids,
    plan,
    prepare,
)

SIGNER = TokenSigner(["a secret key of thirty-two characters"])


def composer(**mail: str) -> DigestComposer:
    settings = Settings.model_validate(
        {
            "service": {"base_url": "https://papers.example.org"},
            "mail": {
                "from": "Papers <digest@example.org>",
                "list_id": "papers.example.org",
                **mail,
            },
        }
    )
    return composer_of(resource_dir("templates"), settings)


def composer_of(templates: Path, settings: Settings | None = None) -> DigestComposer:
    renderer = DigestRenderer(templates, service_name="Daily papers")
    return DigestComposer(renderer, SIGNER, Sender.of(settings or Settings()))


def run(store: Store, folder: Path, one: DigestComposer | None = None) -> DeliverCounts:
    return asyncio.run(
        deliver(
            store,
            clock=fixed_clock(MONDAY),
            settings=Settings(),
            composer=one or composer(),
            transport=OutboxTransport(folder),
            message_ids=message_ids(),
        )
    )


def mails(folder: Path) -> list[EmailMessage]:
    found = []
    for path in sorted(folder.iterdir()):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(mail, EmailMessage)
        found.append(mail)
    return found


def body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def merge(tx: Session, old: PaperId, new: PaperId) -> None:
    merge_papers(tx, [Merge(old_id=old, paper_id=new)])


def test_a_digest_carries_its_papers_their_reasons_and_its_headers(
    store: Store, tmp_path: Path
) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)

    result = run(store, tmp_path / "outbox")

    assert result == DeliverCounts(prepared=1, sent=1)
    (mail,) = mails(tmp_path / "outbox")
    assert mail["To"] == "reader1@example.org"
    assert mail["Message-ID"] == "<m-1@example.org>"
    assert mail["Date"].datetime == MONDAY
    assert mail["List-Id"] == "<papers.example.org>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "<https://papers.example.org/unsubscribe/" in mail["List-Unsubscribe"]
    assert "Agents that plan, part 0" in body(mail)
    assert "«agents»" in body(mail)


def test_a_bounce_domain_gives_each_delivery_an_envelope_of_its_own(store: Store) -> None:
    papers = add_papers(store, 1)
    (subscriber,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)
    (one,) = prepare(store, plan(subscriber, papers))
    with store.read() as tx:
        delivery = ledger.get_delivery(tx, one)
        assert delivery is not None
        with_verp = composer(bounce_domain="bounces.example.org")
        verp = with_verp.compose_batch(tx, [delivery])[one]
        plain = composer().compose_batch(tx, [delivery])[one]

    assert isinstance(verp, Message)
    assert isinstance(plain, Message)
    local_part, _, domain = verp.envelope_from.partition("@")
    assert domain == "bounces.example.org"
    assert SIGNER.bounced_delivery(local_part) == one
    assert plain.envelope_from == "digest@example.org"


def test_a_paper_that_no_interest_wants_any_more_keeps_its_place(
    store: Store, tmp_path: Path
) -> None:
    papers = add_papers(store, 1)
    (subscriber,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)
    prepare(store, plan(subscriber, papers))
    with store.write() as tx:
        tx.exec(delete(InterestRow))
        tx.exec(update(QueryRow).values(canonical="(("))

    result = run(store, tmp_path / "outbox")

    assert result.sent == 1
    assert "an interest you have since changed" in body(mails(tmp_path / "outbox")[0])


def test_two_papers_that_became_one_stand_once(store: Store, tmp_path: Path) -> None:
    first, second, third = add_papers(store, 3)
    (subscriber,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)
    prepare(store, plan(subscriber, [first, second, third]))
    with store.write() as tx:
        merge(tx, second, first)

    run(store, tmp_path / "outbox")

    text = body(mails(tmp_path / "outbox")[0])
    assert text.count("Agents that plan, part 0") == 1
    assert text.count("Agents that plan, part 1") == 0
    assert text.count("Agents that plan, part 2") == 1
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx)
    assert entry.aliases == ("arxiv:2602.0206000", "arxiv:2602.0206000", "arxiv:2602.0206002")


def test_a_paper_that_turned_out_to_be_sent_already_is_left_out(
    store: Store, tmp_path: Path
) -> None:
    first, second, third = add_papers(store, 3)
    (subscriber,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)
    prepare(store, plan(subscriber, [first], period="2026-02-01"))
    run(store, tmp_path / "before")
    prepare(store, plan(subscriber, [second, third], period="2026-02-03"))
    with store.write() as tx:
        merge(tx, second, first)

    run(store, tmp_path / "after")

    (mail,) = mails(tmp_path / "after")
    assert "part 0" not in body(mail)
    assert "part 2" in body(mail)


def test_a_digest_of_which_nothing_is_left_fails_and_says_so(store: Store, tmp_path: Path) -> None:
    first, second = add_papers(store, 2)
    (subscriber,) = add_subscribers(store, 1, next_digest_at=MONDAY + DAY)
    prepare(store, plan(subscriber, [first], period="2026-02-01"))
    run(store, tmp_path / "before")
    (one,) = prepare(store, plan(subscriber, [second], period="2026-02-03"))
    with store.write() as tx:
        merge(tx, second, first)

    result = run(store, tmp_path / "after")

    assert (result.prepared, result.failed) == (1, 1)
    with store.read() as tx:
        delivery = ledger.get_delivery(tx, DeliveryId(one))
    assert delivery is not None
    assert delivery.reply == "none of its papers is left"


class OddRenderer(DigestRenderer):
    """Breaks over some readers' digests, as templates and papers may."""

    def encode(self, digest: Digest, links: DigestLinks, tokens: Sequence[bytes] = ()) -> Encoded:
        if digest.subscriber.email == "reader2@example.org":
            raise RenderError("digest.html", "'badge' is undefined")
        if digest.subscriber.email == "reader3@example.org":
            raise KeyError("odd")
        return super().encode(digest, links, tokens)


def test_a_digest_that_cannot_be_built_hurts_no_other_of_its_batch(
    store: Store, tmp_path: Path
) -> None:
    add_papers(store, 1)
    add_subscribers(store, 4)
    renderer = OddRenderer(resource_dir("templates"), service_name="Daily papers")
    odd = DigestComposer(renderer, SIGNER, Sender.of(Settings()))

    result = run(store, tmp_path / "outbox", odd)

    assert (result.sent, result.failed) == (2, 2)
    with store.read() as tx:
        replies = [entry.delivery.reply for entry in ledger.list_entries(tx)]
    assert replies[2] == "template digest.html: 'badge' is undefined"
    assert replies[1] == "could not be built: KeyError"


def test_a_subscriber_who_is_gone_since_the_claim_hurts_no_other_of_the_batch(
    store: Store,
) -> None:
    papers = add_papers(store, 1)
    (subscriber,) = add_subscribers(store, 1)
    prepare(store, plan(subscriber, papers, period="2026-02-03"))
    with store.read() as tx:
        (entry,) = ledger.list_entries(tx)
        there = entry.delivery
        gone = replace(there, id=DeliveryId(there.id + 1), subscriber_id=SubscriberId(999))

        made = composer().compose_batch(tx, [gone, there])

    assert made[gone.id] == Outcome(
        kind=OutcomeKind.FAILED, reply="its subscriber is no longer there"
    )
    assert isinstance(made[there.id], Message)


def test_a_preview_is_rendered_like_a_digest(store: Store) -> None:
    add_papers(store, 1)
    (subscriber_id,) = add_subscribers(store, 1)

    with store.read() as tx:
        subscriber = get_subscriber(tx, subscriber_id)
        assert subscriber is not None
        preview = plan_preview(tx, subscriber, now=MONDAY, settings=DigestSettings())
        digest = digest_of_plan(tx, preview, subscriber)
    rendered = composer().render_preview(digest)

    assert "Agents that plan, part 0" in rendered.text
    assert_all_accounted_for(store)


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("digest.txt", "{% if %}", "template digest.txt: line 1"),
        ("paper.html", "{{ no_such_thing }}", "'no_such_thing' is undefined"),
        ("digest.subject.txt", None, "digest.subject.txt: is missing"),
    ],
)
def test_a_broken_template_holds_the_run_and_fails_nobodys_period(
    store: Store, tmp_path: Path, name: str, content: str | None, cause: str
) -> None:
    add_papers(store, 2)
    add_subscribers(store, 3)
    templates = tmp_path / "templates"
    shutil.copytree(resource_dir("templates"), templates)
    if content is None:
        (templates / "mail" / name).unlink()
    else:
        (templates / "mail" / name).write_text(content)

    with pytest.raises(RenderError, match=re.escape(cause)):
        run(store, tmp_path / "outbox", composer_of(templates))
    held = counts(store).prepared
    mended = run(store, tmp_path / "outbox")

    assert held == 0
    assert (mended.prepared, mended.sent) == (3, 3)


def test_a_broken_letter_holds_up_no_digest(store: Store, tmp_path: Path) -> None:
    add_papers(store, 2)
    add_subscribers(store, 1)
    templates = tmp_path / "templates"
    shutil.copytree(resource_dir("templates"), templates)
    (templates / "mail" / "confirm.txt").write_text("{% if %}")

    assert run(store, tmp_path / "outbox", composer_of(templates)).sent == 1
