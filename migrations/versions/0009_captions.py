"""What was said in a session, line by line, as somebody wrote it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caption_line",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_caption_line_conference_id_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["said_by"], ["person.id"], name="fk_caption_line_said_by"),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_caption_line"),
    )
    op.create_index(
        "ix_caption_line_session_id",
        "caption_line",
        ["conference_id", "session_id", "said_ms", "id"],
    )


def downgrade() -> None:
    op.drop_table("caption_line")
