"""From ledger rows to mails: the recorded papers as they read now, with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Protocol

import structlog
from sqlmodel import Session

from digest.delivery.batch import BatchReader, ReadDelivery
from digest.digests.message import MailHeaders, build_message
from digest.digests.render import DigestRenderer
from digest.digests.sample import sample_digests
from digest.errors import DeliveryError, RenderError
from digest.matching.reasons import Asked, ReasonFinder
from digest.model import (
    Delivery,
    DeliveryId,
    DeliveryPlan,
    Digest,
    DigestLinks,
    InterestKind,
    Match,
    Message,
    Outcome,
    OutcomeKind,
    Paper,
    PaperId,
    Period,
    PlannedPaper,
    QueryId,
    Rendered,
    Subscriber,
)
from digest.settings import Settings
from digest.store.interests import queries_by_ids
from digest.store.papers import get_papers
from digest.store.subscribers import subscribers_by_ids
from digest.subscribers.actions import action_tokens
from digest.subscribers.links import digest_links, feedback_id
from digest.subscribers.tokens import TokenSigner

log = structlog.get_logger(__name__)

_NO_DELIVERY = DeliveryId(0)


class Composer(Protocol):
    """What handing off needs to turn a claimed delivery into a message."""

    def check(self) -> None:
        """Try the templates on a sample, before anything is prepared for them.

        Raises:
            RenderError: If they could render nobody's digest.
        """
        ...

    def compose_batch(
        self, tx: Session, deliveries: Sequence[Delivery]
    ) -> Mapping[DeliveryId, Message | Outcome]:
        """Make the messages of deliveries that were claimed together, at most 50.

        Called in one thread at a time.

        Returns:
            For each delivery its message, or the failed outcome that says why it has
            none; that hurts no other delivery.

        Raises:
            StorageError: If the database refuses to be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who the mails are from, as the operator set it."""

    sender: str
    reply_to: str
    list_id: str
    bounce_domain: str
    base_url: str

    @classmethod
    def of(cls, settings: Settings) -> Sender:
        """Take what concerns mail out of the settings."""
        return cls(
            sender=settings.mail.from_,
            reply_to=settings.mail.reply_to,
            list_id=settings.mail.list_id,
            bounce_domain=settings.mail.bounce_domain,
            base_url=settings.service.base_url,
        )

    @property
    def address(self) -> str:
        """The bare address of `From`."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """The domain of `From`, which Message-IDs carry."""
        return self.address.rpartition("@")[2] or "localhost"

    @property
    def mailbox(self) -> str:
        """Where a person, or a mail program on their behalf, may write."""
        return parseaddr(self.reply_to)[1] or self.address


class DigestComposer:
    """Composes digest mails with our templates.

    Args:
        renderer: Shared, its templates compiled once.
        signer: Signs links and bounce addresses.
        sender: Who the mails are from.
        finder: Finds the reasons, and keeps them from one batch to the next.
    """

    def __init__(
        self,
        renderer: DigestRenderer,
        signer: TokenSigner,
        sender: Sender,
        finder: ReasonFinder | None = None,
    ) -> None:
        self._renderer = renderer
        self._signer = signer
        self._sender = sender
        self.finder = finder or ReasonFinder()
        self._batches = BatchReader(self.finder)
        self._address, self._mailbox = sender.address, sender.mailbox

    def check(self) -> None:
        """Try the templates of digests; a broken letter holds up no digest."""
        self._renderer.check_digests(self._links(sample_digests()[0], _NO_DELIVERY))

    def compose_batch(
        self, tx: Session, deliveries: Sequence[Delivery]
    ) -> Mapping[DeliveryId, Message | Outcome]:
        """Make the messages of deliveries, without papers that have become another's."""
        read = self._batches.read(tx, deliveries)
        return {one.id: self._compose(one, read[one.id]) for one in deliveries}

    def _compose(self, delivery: Delivery, read: ReadDelivery | str) -> Message | Outcome:
        if isinstance(read, str):
            return _failed(read)
        try:
            return self.build(delivery, read.digest, read.positions)
        except (RenderError, DeliveryError) as exc:
            # The cause may name an address, so it stands in the ledger only.
            return _failed(str(exc))
        except Exception as exc:  # one odd paper must not hold up everybody's mail
            log.exception("building a digest broke", delivery=delivery.id)
            return _failed(f"could not be built: {type(exc).__name__}")

    def build(self, delivery: Delivery, digest: Digest, positions: Sequence[int]) -> Message:
        """Render and build one message.

        Args:
            delivery: As recorded.
            digest: What it says now.
            positions: Which paper of the delivery each match of the digest is.

        Raises:
            RenderError: If a template cannot be rendered.
            DeliveryError: If a header would break the mail.
        """
        sender, signer = self._sender, self._signer
        links = self._links(digest, delivery.id)
        tokens = action_tokens(signer, delivery.id, positions)
        local_part = signer.bounce_local_part(delivery.id)
        return build_message(
            self._renderer.encode(digest, links, tokens),
            headers=MailHeaders(
                sender=sender.sender,
                recipient=digest.subscriber.email,
                envelope_from=(
                    f"{local_part}@{sender.bounce_domain}"
                    if sender.bounce_domain
                    else self._address
                ),
                message_id=delivery.message_id,
                date_at=delivery.message_date_at,
                reply_to=sender.reply_to,
                list_id=sender.list_id,
                unsubscribe_url=links.unsubscribe,
                unsubscribe_mailto=links.unsubscribe_mailto,
                help_url=links.manage,
                archive_url=links.web,
                feedback_id=feedback_id(local_part, delivery.period, list_id=sender.list_id),
            ),
        )

    def render_preview(self, digest: Digest) -> Rendered:
        """Render a digest that is in no ledger; its link to the web leads nowhere."""
        return self._renderer.render(digest, self._links(digest, _NO_DELIVERY))

    def render_sample(self) -> Rendered:
        """Render a made-up digest that uses every part of the templates.

        Raises:
            RenderError: If a template cannot be rendered.
        """
        return self.render_preview(sample_digests()[0])

    def _links(self, digest: Digest, delivery_id: DeliveryId) -> DigestLinks:
        return digest_links(
            self._signer,
            base_url=self._sender.base_url,
            subscriber_id=digest.subscriber.id,
            delivery_id=delivery_id,
            unsubscribe_address=self._mailbox,
        )


def _failed(reply: str) -> Outcome:
    return Outcome(kind=OutcomeKind.FAILED, reply=reply)


def load_digests(
    tx: Session,
    deliveries: Sequence[Delivery],
    *,
    finder: ReasonFinder | None = None,
) -> dict[DeliveryId, Digest]:
    """Read digests as they read now: recorded papers, with reasons found again.

    A paper that no interest wants any more keeps its place and loses its reasons; two
    that became one stand once. A delivery of which no paper is left, or whose subscriber
    is no longer there, is absent.

    Args:
        tx: A transaction.
        deliveries: As recorded.
        finder: Finds the reasons, None to begin anew without synonyms.
    """
    subscribers = subscribers_by_ids(tx, sorted({one.subscriber_id for one in deliveries}))
    papers = get_papers(tx, sorted({each.paper_id for one in deliveries for each in one.papers}))
    asked = {query_id for one in deliveries for each in one.papers for query_id in each.query_ids}
    reasons = _Reasons(queries_by_ids(tx, sorted(asked)), finder or ReasonFinder())
    digests = {}
    for one in deliveries:
        subscriber = subscribers.get(one.subscriber_id)
        if subscriber is None:
            continue
        matches = reasons.matches(subscriber, one.papers, papers)
        if matches:
            digests[one.id] = Digest(
                subscriber=subscriber,
                period=one.period,
                scheduled_at=one.scheduled_at,
                matches=matches,
                left_over=one.left_over,
                carried=one.carried,
                notices=one.notices,
            )
    return digests


def digest_of_plan(
    tx: Session, plan: DeliveryPlan, subscriber: Subscriber, finder: ReasonFinder | None = None
) -> Digest:
    """Make the digest of a plan that is not in the ledger, for a preview."""
    papers = get_papers(tx, [each.paper_id for each in plan.papers])
    ids = sorted({query_id for each in plan.papers for query_id in each.query_ids})
    reasons = _Reasons(queries_by_ids(tx, ids), finder or ReasonFinder())
    return Digest(
        subscriber=subscriber,
        period=Period(plan.period),
        scheduled_at=plan.scheduled_at,
        matches=reasons.matches(subscriber, plan.papers, papers),
        left_over=plan.left_over,
        carried=plan.carried,
        notices=plan.notices,
    )


class _Reasons:
    """Finds reasons again, of interests as their owners wrote them."""

    def __init__(self, canonicals: Mapping[QueryId, str], finder: ReasonFinder) -> None:
        self._canonicals = canonicals
        self._finder = finder

    def matches(
        self,
        subscriber: Subscriber,
        planned: Sequence[PlannedPaper],
        papers: Mapping[PaperId, Paper],
    ) -> tuple[Match, ...]:
        saved = {one.query_id: (one.kind, one.text) for one in subscriber.interests}
        wanted_by: dict[PaperId, tuple[Paper, dict[QueryId, None]]] = {}
        for each in planned:
            paper = papers.get(each.paper_id)
            if paper is not None:
                _, ids = wanted_by.setdefault(paper.id, (paper, {}))
                ids.update(dict.fromkeys(each.query_ids))
        return tuple(
            Match(paper=paper, reasons=self._finder.reasons(paper, self._asked(ids, saved)))
            for paper, ids in wanted_by.values()
        )

    def _asked(self, ids: Iterable[QueryId], saved: Mapping[QueryId, Asked]) -> Iterator[Asked]:
        """Give each query as the person wrote it, so that the terms are theirs."""
        for query_id in ids:
            if query_id in saved:
                yield saved[query_id]
            elif query_id in self._canonicals:
                yield InterestKind.KEYWORD, self._canonicals[query_id]
