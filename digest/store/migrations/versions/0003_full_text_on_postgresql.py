"""the full-text index of papers on PostgreSQL"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite has it since 0002
    # The text of the vectors is made by digest.store.tsquery.
    op.execute(
        """
        CREATE TABLE paper_words (
            paper_id integer CONSTRAINT pk_paper_words PRIMARY KEY
                CONSTRAINT fk_paper_words_paper_id REFERENCES paper (id) ON DELETE CASCADE,
            words tsvector NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_paper_words_words ON paper_words USING gin (words)")
    op.execute("UPDATE paper SET annotated_with = NULL")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE paper_words")
