"""People: sign-up, addresses, tokens, preferences, import, privacy."""
