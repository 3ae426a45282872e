"""The command tree, and the one place where an exception becomes an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer import TyperException
from typer.main import get_command

from digest.cli import (
    bounces,
    check,
    db,
    deliver,
    deliveries,
    demo,
    feeds,
    match,
    papers,
    preview,
    serve,
    subscribers,
    suppressed,
    topics,
    why,
)
from digest.cli.frame import UsageProblemsError, new_group, say_error
from digest.cli.output import document, tolerate_narrow_terminals
from digest.errors import (
    AddressError,
    ConfigError,
    DigestError,
    QueryError,
    UsageError,
)

app = new_group(
    name="digest",
    help_text="Trending papers that match your interests, in your inbox once a day.",
)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file to use instead of config/digest.toml (or set DIGEST_CONFIG).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Trending papers that match your interests, in your inbox once a day."""
    ctx.obj = {"config": config}


_INTERRUPTED = 130
"""What typer returns for Ctrl-C."""

for module in (
    demo,
    serve,
    check,
    db,
    feeds,
    papers,
    match,
    topics,
    subscribers,
    suppressed,
    preview,
    deliver,
    deliveries,
    bounces,
    why,
):
    module.register(app)


def run_command_line(argv: Sequence[str] | None) -> int:
    """Run one command; every failure becomes plain lines on stderr and an exit code."""
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    tolerate_narrow_terminals()
    try:
        return _invoke(words)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        return _fail(words, [f"{where}{exc.strerror or exc}"], exit_code=1)
    except Exception as exc:  # the last resort: no traceback reaches a person
        if os.environ.get("DIGEST_DEBUG"):
            traceback.print_exc()
        what = " ".join(str(exc).split()) or type(exc).__name__
        hint = "(set DIGEST_DEBUG=1 for the traceback)"
        return _fail(words, [f"unexpected: {type(exc).__name__}: {what} {hint}"], exit_code=1)


def _invoke(words: list[str]) -> int:
    try:
        code = get_command(app).main(words, prog_name="digest", standalone_mode=False)
    except TyperException as exc:
        return _fail(words, [_usage_line(exc)], exit_code=exc.exit_code)
    except DigestError as exc:
        exit_code = 2 if isinstance(exc, (ConfigError, UsageError, QueryError, AddressError)) else 1
        causes = exc.problems if isinstance(exc, (ConfigError, UsageProblemsError)) else [str(exc)]
        _fail(words, causes, exit_code=exit_code)
        if isinstance(exc, QueryError):
            sys.stderr.write(_pointed_at(exc))
        return exit_code
    if code == _INTERRUPTED:
        return _fail(words, ["interrupted"], exit_code=1)
    return int(code or 0)


def _fail(words: Sequence[str], causes: Sequence[str], *, exit_code: int) -> int:
    """Say each cause; under `--json` the causes are the one document."""
    for cause in causes:
        say_error(cause)
    if "--json" in words:
        sys.stdout.write(document({"errors": list(causes)}) + "\n")
    return exit_code


def _usage_line(exc: TyperException) -> str:
    message = " ".join(exc.format_message().replace("Value error, ", "").split()).rstrip(".")
    context = getattr(exc, "ctx", None)
    path = getattr(context, "command_path", "digest")
    return f"{message[:1].lower()}{message[1:]} (see `{path} --help`)"


def _pointed_at(error: QueryError) -> str:
    from digest.matching.query import caret

    return "".join(f"    {line}\n" for line in caret(error).splitlines())
