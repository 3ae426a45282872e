"""Feeds: from a server's bytes to entries, guarded and polite."""
