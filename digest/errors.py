"""The errors of this project, branched by who must act.

Attributes come first and the message is derived from them, so that a caller can
decide without reading prose. Adapters translate library errors into these at
their edge; services catch only these. Expected absence is `None`, not an error.
"""

from __future__ import annotations

from collections.abc import Sequence


class DigestError(Exception):
    """Anything this project raises on purpose."""


class ConfigError(DigestError):
    """The configuration cannot be used; the operator must change it.

    Args:
        problems: One line each, naming its key ("digest.max_papers: must be at least 1").
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class UsageError(DigestError):
    """A command or request was given something it cannot take (exit code 2)."""


class NotFoundError(DigestError):
    """Something named by a person does not exist (exit code 1)."""


class FetchError(DigestError):
    """A feed could not be fetched.

    Args:
        url: The URL asked for.
        cause: Plain words ("no answer within 30 s").
        http_status: Status of the last reply, or None when there was none.
        retry_after_s: Seconds the server asked us to wait, or None.
        gone: True for 410, after which the feed is not polled again.
    """

    def __init__(
        self,
        url: str,
        cause: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        gone: bool = False,
    ) -> None:
        self.url = url
        self.cause = cause
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.gone = gone
        super().__init__(f"{url}: {cause}")


class ParseError(DigestError):
    """A fetched document is not a feed we can read.

    Args:
        cause: Plain words ("this is an HTML page, not a feed").
    """

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


class ReportError(DigestError):
    """A mail that came back cannot be read.

    Args:
        cause: Plain words ("this is no mail: it has no header").
    """

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


class QueryError(DigestError):
    """A keyword query cannot be understood.

    Args:
        query: The text as written.
        cause: What is wrong, in plain words.
        position: Offset in `query`, in characters, of the first wrong one.
        suggestion: A query that would be accepted, or None.
    """

    def __init__(
        self, query: str, cause: str, *, position: int, suggestion: str | None = None
    ) -> None:
        self.query = query
        self.cause = cause
        self.position = position
        self.suggestion = suggestion
        hint = f"; did you mean `{suggestion}`?" if suggestion else ""
        super().__init__(f"{cause} at character {position + 1} of `{query}`{hint}")


class AddressError(DigestError):
    """An e-mail address cannot be used.

    Args:
        address: As given.
        cause: Plain words.
    """

    def __init__(self, address: str, cause: str) -> None:
        self.address = address
        self.cause = cause
        super().__init__(f"{address!r} is not a usable address: {cause}")


class TokenError(DigestError):
    """A token in a link is malformed, expired, used up or for another purpose."""


class RenderError(DigestError):
    """A template cannot be rendered.

    Args:
        template: Its file name.
        cause: Plain words, naming the missing variable where there is one.
    """

    def __init__(self, template: str, cause: str) -> None:
        self.template = template
        self.cause = cause
        super().__init__(f"template {template}: {cause}")


class DeliveryError(DigestError):
    """Mail could not be handed off.

    Args:
        cause: Plain words.
        permanent: True when trying again cannot help.
    """

    def __init__(self, cause: str, *, permanent: bool) -> None:
        self.cause = cause
        self.permanent = permanent
        super().__init__(cause)


class StorageError(DigestError):
    """The database cannot be used; the message says which command mends it."""


class CollisionError(StorageError):
    """Two transactions got into each other's way, and this one was undone: do it again."""


class ConnectionLostError(StorageError):
    """The connection was lost before a commit was asked for: nothing was kept, do it again."""
