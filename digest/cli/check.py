"""`digest check`: is everything in place, before anybody waits for it?"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli import output
from digest.cli.frame import Frame, command
from digest.errors import ConfigError, DeliveryError, DigestError, UsageError
from digest.model import RELAY

if TYPE_CHECKING:
    from digest.service import Service


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "check", example="digest check")(check)


def check(
    frame: Frame,
    dns: Annotated[
        bool,
        typer.Option(
            "--dns", help="Also SPF, DKIM, DMARC and MX of the sending domain.", show_default=False
        ),
    ] = False,
    nameserver: Annotated[
        str | None,
        typer.Option(
            "--nameserver",
            metavar="ADDRESS[:PORT]",
            help="Ask this one, not those of the machine.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check configuration, schema, templates and SMTP login; with --dns the sending domain."""
    from digest.service import open_service

    if nameserver is not None and not dns:
        raise UsageError("--nameserver: only with --dns")
    ask = None if nameserver is None else _address_and_port(nameserver)
    service = open_service(frame.settings(), clock=frame.clock)
    try:
        looked = _look(service)
        findings = service.check_dns(ask) if dns else []
    finally:
        service.close()
    looked += [_Looked(check=one.check, ok=one.ok, detail=one.detail) for one in findings]
    _show(frame, looked, [one.publish for one in findings if one.publish])
    for one in looked:
        if not one.ok:
            frame.problem(f"{one.check}: {one.detail}")
    if any(one.is_setting for one in looked):
        frame.exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What was seen: wrong (`is_setting`: by a setting), right, or right and worth a look."""

    check: str
    ok: bool
    detail: str
    warns: bool = False
    is_setting: bool = False


class _Warning(str):
    """What is no failure, and yet hardly what the operator wants."""

    __slots__ = ()


def _look(service: Service) -> list[_Looked]:
    looked = [_Looked(check="configuration", ok=True, detail="every key is understood")]
    looked += _try("secret key", service, _check_key)
    database = _try("database", service, _check_schema)
    looked += database
    within = all(one.ok for one in database)  # else each would say the same again
    if within:
        looked += _try("feeds", service, _check_feeds)
        looked += _try("subscribers", service, _check_subscribers)
    looked += _try("templates", service, _check_templates)
    looked += _try("mail", service, _check_mail)
    looked += _try("addresses", service, _check_addresses)
    if within:
        looked += _try("hand-off", service, _check_holds)
    return looked


def _try(name: str, service: Service, look: Callable[[Service], str]) -> list[_Looked]:
    try:
        said = look(service)
    except ConfigError as exc:
        return [
            _Looked(check=name, ok=False, detail=cause, is_setting=True) for cause in exc.problems
        ]
    except DigestError as exc:
        return [_Looked(check=name, ok=False, detail=str(exc))]
    return [_Looked(check=name, ok=True, detail=said, warns=isinstance(said, _Warning))]


def _show(frame: Frame, looked: Sequence[_Looked], publish: Sequence[str]) -> None:
    columns = [
        output.Column(heading="check"),
        output.Column(heading="ok"),
        output.Column(heading="detail"),
    ]
    rows = [
        (one.check, "warns" if one.warns else "yes" if one.ok else "no", one.detail)
        for one in looked
    ]
    document = {
        "ok": all(one.ok for one in looked),
        "checks": [
            {"check": one.check, "ok": one.ok, "detail": one.detail, "warns": one.warns}
            for one in looked
        ],
        "publish": list(publish),
    }
    to_publish = ["\n".join(["to publish:", *publish])] if publish else []
    frame.show(document, "\n\n".join([output.table(columns, rows), *to_publish]))


def _address_and_port(text: str) -> tuple[str, int]:
    """Read `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`."""
    address, _, port = text.rpartition(":")
    if not address or (address.count(":") and not address.endswith("]")):
        address, port = text, "53"
    address = address.strip("[]")
    try:
        ipaddress.ip_address(address)
    except ValueError as exc:
        raise UsageError(f"--nameserver: {address} is not an IP address") from exc
    if not port.isdigit() or not 0 < int(port) < 65_536:
        raise UsageError(f"--nameserver: {port} is not a port")
    return address, int(port)


def _check_key(service: Service) -> str:
    service.signer  # noqa: B018 - reads or makes the key
    return "there"


def _check_schema(service: Service) -> str:
    service.store.ensure_schema()
    return f"{service.database_shown}, schema {service.store.schema_revision()}"


def _check_feeds(service: Service) -> str:
    from digest.store.feeds import list_feeds

    with service.store.read() as tx:
        added = [feed for feed in list_feeds(tx) if not feed.from_config]
    configured = {feed.name for feed in service.settings.feed}
    names = configured | {feed.name for feed in added}
    if not names:
        return _Warning("there is none, so no paper comes: `digest feeds add NAME [URL]`")
    resting = sum(feed.paused for feed in added)
    parts = [
        f"{len(configured):,} configured",
        *([f"{len(names) - len(configured):,} added"] if len(names) > len(configured) else []),
        *([f"{resting:,} of these paused"] if resting else []),
    ]
    return f"{output.count(len(names), 'feed')}: {', '.join(parts)}"


def _check_subscribers(service: Service) -> str:
    from digest.model import SubscriberState
    from digest.store.subscribers import count_by_state, count_without_interests

    with service.store.read() as tx:
        active = count_by_state(tx).get(SubscriberState.ACTIVE, 0)
        without = count_without_interests(tx)
    if without:
        return _Warning(
            f"{active:,} active, {without:,} of them without any interest, who get nothing: "
            "`digest subscribers list` shows them"
        )
    return f"{active:,} active"


def _check_templates(service: Service) -> str:
    from digest.explain import sample_letter

    service.renderer.check()
    rendered = service.composer.render_sample()
    service.letter_composer.build(*sample_letter(), token="sample")  # noqa: S106 - no secret
    return f"a sample renders: {output.count(len(rendered.html), 'character')} of HTML"


def _check_mail(service: Service) -> str:
    if service.settings.mail.transport == "outbox":
        return f"outbox {service.settings.outbox_dir}"
    asyncio.run(service.check_smtp_login())
    smtp = service.settings.smtp
    return f"{smtp.host}:{smtp.port} lets us in ({smtp.security})"


def _check_addresses(service: Service) -> str:
    from digest.delivery.readiness import address_problems, stays_here

    here = stays_here(service.settings)
    if here:
        return f"not looked at: {here}"
    problems = address_problems(service.settings)
    if problems:
        raise ConfigError(problems)
    return "site, list and sender have names that readers can reach"


def _check_holds(service: Service) -> str:
    from digest.store.send_limits import held_limits

    with service.store.read() as tx:
        held = held_limits(tx, service.clock())
    for one in held:
        if one.key == RELAY:
            raise DeliveryError(
                f"held until {one.held_until_at:%Y-%m-%d %H:%M} UTC after the relay refused us "
                f"({one.reason}): mend that, then `digest deliveries limits --clear relay`",
                permanent=False,
            )
    if not held:
        return "nothing is held back"
    return f"{output.count(len(held), 'domain')} asked for a pause: `digest deliveries limits`"
