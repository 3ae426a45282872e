"""Leases for tests of transports, which do not care how long they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.clock import fixed_clock
from digest.delivery.lease import begin_lease

LONG = begin_lease(fixed_clock(datetime(2026, 2, 2, 8, tzinfo=UTC)), timedelta(days=1))
"""Nothing that a test does outlasts it."""
