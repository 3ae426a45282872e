"""The three subscribers of the demo, as subscriber lines."""

from __future__ import annotations

from digest.subscribers.wanted import SubscriberLine

PEOPLE = (
    SubscriberLine(
        email="ada@example.org",
        keywords=("reasoning", "agent*"),
        muted=("survey",),
        timezone="America/New_York",
        hour=8,
        days="daily",
        max_papers=5,
    ),
    SubscriberLine(
        email="kenji@example.org",
        tags=("cs.CV",),
        keywords=('"diffusion model" OR "flow matching"',),
        timezone="Asia/Tokyo",
        hour=18,
        days="daily",
    ),
    SubscriberLine(
        email="rosalind@example.org",
        keywords=("protein (structure OR design)", 'author:"A. Rives"'),
        timezone="Europe/Paris",
        hour=9,
        days="weekdays",
    ),
)
