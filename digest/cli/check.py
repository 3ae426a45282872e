"""`digest check`: is everything in place, before anybody waits for it?"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
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
    settings = frame.settings()
    results: list[tuple[str, bool, str]] = [
        ("configuration", True, f"{output.count(len(settings.feed), 'feed')} configured")
    ]
    service = open_service(settings, clock=frame.clock)
    try:
        checks: tuple[tuple[str, Callable[[Service], str]], ...] = (
            ("secret key", _check_key),
            ("database", _check_schema),
            ("templates", _check_templates),
            ("mail", _check_mail),
            ("hand-off", _check_holds),
        )
        wrong = False
        for name, look in checks:
            try:
                results.append((name, True, look(service)))
            except DigestError as exc:
                causes = exc.problems if isinstance(exc, ConfigError) else (str(exc),)
                wrong = wrong or isinstance(exc, ConfigError)
                results += [(name, False, cause) for cause in causes]
        findings = service.check_dns(ask) if dns else []
        results += [(one.check, one.ok, one.detail) for one in findings]
    finally:
        service.close()
    columns = [
        output.Column(heading="check"),
        output.Column(heading="ok"),
        output.Column(heading="detail"),
    ]
    table = output.table(
        columns, [(name, "yes" if ok else "no", said) for name, ok, said in results]
    )
    publish = [one.publish for one in findings if one.publish]
    frame.show(
        {
            "ok": all(ok for _, ok, _ in results),
            "checks": [{"check": name, "ok": ok, "detail": said} for name, ok, said in results],
            "publish": publish,
        },
        "\n\n".join([table, *(["\n".join(["to publish:", *publish])] if publish else [])]),
    )
    for name, ok, said in results:
        if not ok:
            frame.problem(f"{name}: {said}")
    if wrong:
        frame.exit_code = 2


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
