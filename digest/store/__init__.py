"""The store room: tables, migrations, and one repository module per noun.

Repositories take a `Session` of `Store.read()` or `Store.write()` and speak in the
values of `digest.model`; they decide nothing.
"""

from digest.store.engine import Store

__all__ = ["Store"]
