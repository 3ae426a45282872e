"""Papers: entries become scholarly works with one identity each."""
