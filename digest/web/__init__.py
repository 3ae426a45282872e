"""The site: the pages that a mail needs, and the day's papers."""

from digest.web.app import WebDeps, create_app

__all__ = ["WebDeps", "create_app"]
