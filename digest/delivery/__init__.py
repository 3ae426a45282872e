"""Delivery: owed periods become ledger rows, are handed off, and end in a visible state."""
