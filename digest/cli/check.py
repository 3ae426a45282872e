"""`digest check`: is everything in place, before anybody waits for it?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli import output
from digest.cli.frame import Frame, command
from digest.errors import ConfigError, DigestError, UsageError

if TYPE_CHECKING:
    from digest.service import Service


def register(app: typer.Typer) -> None:
    """Hang the command into the command tree."""
    command(app, "check", example="digest check")(check)


def check(
    frame: Frame,
    dns: Annotated[
        bool,
        typer.Option("--dns", help="SPF, DKIM and DMARC: not in this version.", show_default=False),
    ] = False,
) -> None:
    """Check configuration, schema, templates and SMTP login."""
    from digest.service import open_service

    if dns:
        raise UsageError("--dns: this version cannot check SPF, DKIM and DMARC yet")
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
        )
        wrong = False
        for name, look in checks:
            try:
                results.append((name, True, look(service)))
            except DigestError as exc:
                causes = exc.problems if isinstance(exc, ConfigError) else (str(exc),)
                wrong = wrong or isinstance(exc, ConfigError)
                results += [(name, False, cause) for cause in causes]
    finally:
        service.close()
    columns = [
        output.Column(heading="check"),
        output.Column(heading="ok"),
        output.Column(heading="detail"),
    ]
    frame.show(
        {
            "ok": all(ok for _, ok, _ in results),
            "checks": [{"check": name, "ok": ok, "detail": said} for name, ok, said in results],
        },
        output.table(columns, [(name, "yes" if ok else "no", said) for name, ok, said in results]),
    )
    for name, ok, said in results:
        if not ok:
            frame.problem(f"{name}: {said}")
    if wrong:
        frame.exit_code = 2


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
