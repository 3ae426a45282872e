"""The composition root: turns settings and a clock into the parts that do the work.

Nobody else names concrete adapters. Parts are made when they are first asked for, so
that a command which lists feeds does not read templates.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from digest.clock import Clock, system_clock
from digest.delivery.composing import DigestComposer, Sender
from digest.delivery.known_queries import KnownQueries
from digest.delivery.letters import LetterComposer, LetterCounts, deliver_letters
from digest.delivery.outbox import OutboxTransport
from digest.delivery.run import DeliverCounts, Progress, deliver
from digest.delivery.smtp import SmtpTransport
from digest.delivery.transport import Transport
from digest.digests.render import DigestRenderer
from digest.digests.schedule import first_digest_at
from digest.errors import ConfigError, NotFoundError
from digest.feeds.fetch import FeedFetcher
from digest.feeds.politeness import HostGate
from digest.feeds.sandbox import FeedParser
from digest.matching.annotate import Annotator
from digest.matching.configured import parse_synonyms, parse_topics
from digest.matching.reading import Synonyms
from digest.matching.reasons import ReasonFinder
from digest.model import FeedKind
from digest.papers.backfill import Backfill, BackfillPage, backfill_feed
from digest.papers.ingest import annotate_stale
from digest.papers.poll import FeedPoll, poll_feeds
from digest.papers.rounds import PollRounds
from digest.papers.trial import Trial, try_feed
from digest.resources import resource_dir
from digest.settings import Settings, ensure_secret_key
from digest.store import Store
from digest.store.clock import DatabaseClock
from digest.store.feeds import get_feed, sync_configured
from digest.subscribers.decide import SignupRules
from digest.subscribers.intake import act_on_intake
from digest.subscribers.tokens import TokenSigner

if TYPE_CHECKING:
    from fastapi import FastAPI

    from digest.delivery.dns.records import DnsFinding


def open_service(settings: Settings, *, clock: Clock = system_clock) -> Service:
    """Put the service together. Close it when done.

    The machine's clock is replaced by that of a PostgreSQL server, which all its
    processes share.
    """
    service = Service(settings=settings, clock=clock)
    on_postgresql = make_url(settings.database_url).drivername == "postgresql+psycopg"
    if clock is system_clock and on_postgresql:
        service.clock = DatabaseClock(service.store)
    return service


@dataclass(kw_only=True)
class Service:
    """Everything a command, the scheduler or the site needs.

    `clock` is the one clock that everything here reads.
    """

    settings: Settings
    clock: Clock
    nudged: Callable[[], None] | None = None
    """Called, from any thread, when there is work that somebody waits for."""

    def close(self) -> None:
        """Give back the connections to the database, if there are any."""
        if "store" in vars(self):
            self.store.close()

    # ---- parts

    @cached_property
    def store(self) -> Store:
        """The database.

        Raises:
            ConfigError: If its URL cannot be used.
        """
        return Store(self.settings.database_url)

    @cached_property
    def signer(self) -> TokenSigner:
        """Signs links with the current key, and knows the old ones."""
        return TokenSigner(
            (ensure_secret_key(self.settings), *self.settings.service.secret_keys_old)
        )

    @cached_property
    def renderer(self) -> DigestRenderer:
        """Renders mails from the bundled templates."""
        return DigestRenderer(resource_dir("templates"), service_name=self.settings.service.name)

    @cached_property
    def annotator(self) -> Annotator:
        """Reads papers as they are stored: their words for looking back, and their topics.

        Raises:
            ConfigError: If the file of topics or of synonyms cannot be used.
        """
        topics = self.settings.matching.topics_file or resource_dir("config") / "topics.toml"
        synonyms = self.settings.matching.synonyms_file
        return Annotator(
            parse_topics(_text(topics), source=str(topics)),
            Synonyms(parse_synonyms(_text(synonyms), source=str(synonyms)) if synonyms else ()),
        )

    @cached_property
    def known_queries(self) -> KnownQueries:
        """What this process has indexed of what people saved."""
        return KnownQueries(self.annotator.synonyms)

    @cached_property
    def composer(self) -> DigestComposer:
        """Turns ledger rows into messages."""
        return DigestComposer(
            self.renderer,
            self.signer,
            Sender.of(self.settings),
            ReasonFinder(self.annotator.synonyms),
        )

    @cached_property
    def letter_composer(self) -> LetterComposer:
        """Turns owed letters into messages."""
        return LetterComposer(
            self.renderer,
            Sender.of(self.settings),
            service_name=self.settings.service.name,
        )

    @cached_property
    def signup_rules(self) -> SignupRules:
        """What sign-ups need to know of this service."""
        return SignupRules(
            signer=self.signer,
            first_digest_at=first_digest_at,
            default_hour=self.settings.digest.default_hour,
            default_max_papers=self.settings.digest.max_papers,
        )

    @cached_property
    def host_gate(self) -> HostGate:
        """Keeps requests to one host apart, whoever of this process makes them."""
        return HostGate(arxiv_file=self.settings.service.data_dir / "arxiv.lock")

    def fetcher(self) -> FeedFetcher:
        """Return a new fetcher; an async context manager."""
        return FeedFetcher(
            self.settings.feeds,
            operator_email=self.settings.service.operator_email,
            gate=self.host_gate,
        )

    @cached_property
    def _rounds(self) -> PollRounds:
        return PollRounds(self.fetcher)

    def transport(self) -> Transport:
        """Return a new transport, as configured; an async context manager."""
        if self.settings.mail.transport == "smtp":
            return SmtpTransport(self.settings.smtp)
        return OutboxTransport(self.settings.outbox_dir)

    # ---- work

    def sync_feeds(self) -> None:
        """Make the configured feeds the ones that are polled."""
        with self.store.write() as tx:
            sync_configured(tx, self.settings.feed_specs, self.clock())

    async def poll_feeds(
        self,
        names: Sequence[str] | None = None,
        *,
        due_only: bool = False,
        on_done: Callable[[FeedPoll], None] | None = None,
    ) -> list[FeedPoll]:
        """Poll feeds: the named ones, those that are due, or all.

        Rounds may overlap: they share one fetcher and one parser, and of the feeds that
        are due a round leaves out those that another is polling.

        Raises:
            NotFoundError: If a name is no feed; then nothing is polled.
        """
        await asyncio.to_thread(annotate_stale, self.store, self.annotator)
        async with self._rounds.round() as parts:
            return await poll_feeds(
                self.store,
                parts.fetcher,
                parts.parser,
                clock=self.clock,
                settings=self.settings,
                reader=self.annotator,
                names=names,
                due_only=due_only,
                on_done=on_done,
                in_hand=parts.in_hand,
                under_way=self._rounds.under_way,
            )

    async def backfill_feed(
        self, name: str, *, since: date, on_page: Callable[[BackfillPage], None] | None = None
    ) -> Backfill:
        """Read the past of a feed; nothing of it is mailed.

        Raises:
            NotFoundError: If the name is no feed.
            UsageError: If its source cannot be asked for its past.
        """
        with self.store.read() as tx:
            feed = get_feed(tx, name)
        if feed is None:
            raise NotFoundError(f"there is no feed named {name}")
        async with self.fetcher() as fetcher, FeedParser(workers=1) as parser:
            done = await backfill_feed(
                self.store,
                fetcher,
                parser,
                feed,
                since=since,
                clock=self.clock,
                settings=self.settings,
                on_page=on_page,
            )
        await asyncio.to_thread(annotate_stale, self.store, self.annotator)
        return done

    async def try_feed(self, source: str, *, kind: FeedKind) -> Trial:
        """Read a feed, on the web or on this disk, and keep nothing of it.

        Raises:
            FetchError: If it cannot be fetched or read.
            ParseError: If it is no feed.
        """
        async with self.fetcher() as fetcher, FeedParser() as parser:
            return await try_feed(
                fetcher,
                parser,
                source,
                kind=kind,
                now=self.clock(),
                settings=self.settings.feeds,
            )

    async def deliver(
        self, *, stop: asyncio.Event | None = None, on_progress: Progress | None = None
    ) -> DeliverCounts:
        """Prepare all that is owed and hand it off; no retry is waited for.

        Args:
            stop: When set, no new work is begun.
            on_progress: Called with how many hand-offs have ended, and how many there are.

        Raises:
            RenderError: If the templates can render no digest; nothing is prepared.
            StorageError: If the database refuses.
        """
        return await deliver(
            self.store,
            clock=self.clock,
            settings=self.settings,
            composer=self.composer,
            transport=self.transport(),
            message_ids=self._new_message_id,
            queries=self.known_queries,
            stop=stop,
            on_progress=on_progress,
        )

    async def deliver_letters(self, *, stop: asyncio.Event | None = None) -> LetterCounts:
        """Act on what visitors asked for, and hand off the letters that are due.

        Args:
            stop: When set, no new work is begun.

        Raises:
            StorageError: If the database refuses.
        """
        await asyncio.to_thread(act_on_intake, self.store, self.signup_rules, now=self.clock())
        return await deliver_letters(
            self.store,
            clock=self.clock,
            settings=self.settings.smtp,
            composer=self.letter_composer,
            transport=self.transport(),
            random_bytes=secrets.token_bytes,
            stop=stop,
        )

    async def check_smtp_login(self) -> None:
        """Connect to the relay and log in.

        Raises:
            ConfigError: If the relay does not let us in.
        """
        async with SmtpTransport(self.settings.smtp) as transport:
            await transport.check_login()

    def check_dns(self, nameserver: tuple[str, int] | None = None) -> list[DnsFinding]:
        """Look at SPF, DKIM, DMARC and MX of the domains of our mail.

        Args:
            nameserver: Address and port of the one to ask, None for those of the machine.

        Raises:
            ConfigError: If there is no nameserver to ask.
        """
        from digest.delivery.dns.looking import look_at_domains
        from digest.delivery.dns.records import MailDomains
        from digest.delivery.dns.resolver import DnsResolver

        mail = self.settings.mail
        sender = Sender.of(self.settings).domain.lower()
        domains = MailDomains(
            sender=sender,
            envelope=mail.bounce_domain.lower() or sender,
            selectors=mail.dkim_selectors,
            relay=self.settings.smtp.host,
            reports_to=self.settings.service.operator_email,
        )
        if nameserver is None:
            return look_at_domains(domains, DnsResolver())
        return look_at_domains(domains, DnsResolver([nameserver[0]], port=nameserver[1]))

    def web_app(self) -> FastAPI:
        """Make the site."""
        from digest.web.app import WebDeps, create_app

        return create_app(
            WebDeps(
                store=self.store,
                settings=self.settings,
                rules=self.signup_rules,
                clock=self.clock,
                templates=resource_dir("templates"),
                nudge=self._nudge,
                annotator=self.annotator,
            )
        )

    def _nudge(self) -> None:
        if self.nudged is not None:
            self.nudged()

    @property
    def database_shown(self) -> str:
        """The database URL, without its password."""
        return make_url(self.settings.database_url).render_as_string(hide_password=True)

    def _new_message_id(self) -> str:
        return f"<{secrets.token_urlsafe(18)}@{Sender.of(self.settings).domain}>"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{path}: cannot be read: {exc}"]) from exc
