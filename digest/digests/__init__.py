"""Match -> Digest -> message: schedule, compose, view, render, MIME."""
