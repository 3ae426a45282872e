"""Alembic migrations, from empty to the newest schema."""
