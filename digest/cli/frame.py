"""What every command shares: `--json`, `--at`, exit codes, errors in plain lines."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from digest.cli import output
from digest.clock import Clock, fixed_clock, parse_instant, system_clock
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.service import Service
    from digest.settings import Settings

P = ParamSpec("P")

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Write exactly one JSON document.", show_default=False)
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="T", help="Act as if it were T (ISO 8601 with offset).", show_default=False
    ),
]


class UsageProblemsError(UsageError):
    """Several things are wrong with what was given.

    Args:
        problems: One line each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(slots=True)
class Frame:
    """One invocation: what was asked of all commands alike, and what went wrong so far."""

    as_json: bool
    at: datetime | None
    config: Path | None
    exit_code: int = 0

    @property
    def clock(self) -> Clock:
        """The clock of this command: the machine's, or the instant of `--at`."""
        return fixed_clock(self.at) if self.at else system_clock

    def settings(self) -> Settings:
        """Read the configuration.

        Raises:
            ConfigError: With all problems at once.
        """
        from digest.settings import load_settings

        return load_settings(self.config)

    @contextmanager
    def service(self) -> Iterator[Service]:
        """Open the service: an empty database is created, an old or newer one refused."""
        from digest.service import open_service

        service = open_service(self.settings(), clock=self.clock)
        try:
            service.store.ensure_schema()
            yield service
        finally:
            service.close()

    def show(self, document: Mapping[str, Any], text: str) -> None:
        """Write the result: the document under `--json`, else the text."""
        sys.stdout.write((output.document(document) if self.as_json else text) + "\n")
        sys.stdout.flush()

    def problem(self, line: str) -> None:
        """Say one cause on stderr; the command then exits 1."""
        say_error(line)
        self.exit_code = self.exit_code or 1

    def note(self, line: str) -> None:
        """Say on stderr what is no result and no failure."""
        sys.stderr.write(line + "\n")


def say_error(line: str) -> None:
    """Write one line on stderr, as all our failures read."""
    sys.stderr.write(f"digest: {output.printable(line)}\n")


def new_group(*, name: str, help_text: str) -> typer.Typer:
    """Make the commands of one noun."""
    return typer.Typer(
        name=name,
        help=help_text,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def command(
    app: typer.Typer,
    name: str,
    *,
    example: str,
    log_level: str = "critical",
    loose_options: bool = False,
) -> Callable[[Callable[Concatenate[Frame, P], None]], Callable[Concatenate[Frame, P], None]]:
    """Register a command that takes a `Frame`, and give it `--json` and `--at`.

    Args:
        app: The group it belongs to.
        name: Its name on the command line.
        example: One line of shell, shown at the end of its help.
        log_level: Least level of the logs on stderr: a command that ends says itself what
            went wrong, so it logs nothing unless `DIGEST_LOG_LEVEL` asks for it.
        loose_options: Take words like `-survey` as arguments (for queries).
    """

    def register(
        function: Callable[Concatenate[Frame, P], None],
    ) -> Callable[Concatenate[Frame, P], None]:
        def invoke(ctx: typer.Context, *, as_json: bool, at: str | None, **given: Any) -> None:
            from digest.logs import configure_logs

            configure_logs(level=log_level)
            frame = Frame(
                as_json=as_json, at=parse_instant(at) if at else None, config=ctx.obj["config"]
            )
            call: Callable[..., None] = function
            call(frame, **given)
            raise typer.Exit(frame.exit_code)

        _imitate(invoke, function)
        app.command(
            name,
            epilog=f"\b\nExample:\n  {example}",
            context_settings={"ignore_unknown_options": loose_options},
        )(invoke)
        return function

    return register


def _imitate(invoke: Callable[..., None], function: Callable[..., None]) -> None:
    """Give `invoke` the parameters that typer is to read: the function's, and ours."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(parameter.replace(kind=keyword) for parameter in own),
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonFlag),
        inspect.Parameter("at", keyword, default=None, annotation=AtOption),
    ]
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    invoke.__doc__ = inspect.getdoc(function)
    invoke.__name__ = getattr(function, "__name__", "command")
