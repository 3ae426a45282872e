"""the full-text index of papers"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    # The words are read and spelt by digest.matching.fulltext: letters, digits and `_`.
    op.execute(
        """
        CREATE VIRTUAL TABLE paper_words USING fts5(
            title, abstract, forms, cased, names, labels,
            tokenize = "ascii tokenchars '_'", prefix = '3 5'
        )
        """
    )
    op.execute(
        """
        CREATE TRIGGER paper_words_gone AFTER DELETE ON paper BEGIN
            DELETE FROM paper_words WHERE rowid = old.id;
        END
        """
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("DROP TRIGGER IF EXISTS paper_words_gone")
    op.execute("DROP TABLE IF EXISTS paper_words")
