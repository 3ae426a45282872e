"""One frozen Settings, read once, given to the composition root and to nobody else.

A TOML file (`--config`, `DIGEST_CONFIG`, else `config/digest.toml`), overridden by the
environment: `DIGEST_<SECTION>__<KEY>`. Secrets may also be named as `…_FILE`. Unknown
keys are errors, and all problems are told at once, each with its key.
"""

from digest.settings.loading import load_settings
from digest.settings.secret_key import ensure_secret_key
from digest.settings.sections import (
    DatabaseSettings,
    DigestSettings,
    FeedSettings,
    FeedsSettings,
    MailSettings,
    MatchingSettings,
    ServiceSettings,
    SmtpSettings,
    WebSettings,
)
from digest.settings.whole import Settings, clear_text_problem, is_loopback

__all__ = [
    "DatabaseSettings",
    "DigestSettings",
    "FeedSettings",
    "FeedsSettings",
    "MailSettings",
    "MatchingSettings",
    "ServiceSettings",
    "Settings",
    "SmtpSettings",
    "WebSettings",
    "clear_text_problem",
    "ensure_secret_key",
    "is_loopback",
    "load_settings",
]
