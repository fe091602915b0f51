"""Stretches that are no education have an author and a reason, and are taken back by a row.

What was there before had no page to be written from.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("excluded_segment")
    op.create_table(
        "exclusion",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"],
            ["conference.id"],
            name="fk_exclusion_conference_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_exclusion_conference_id_session_id",
        ),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"], name="fk_exclusion_made_by"),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_exclusion"),
    )
    op.create_index("ix_exclusion_session_id", "exclusion", ["conference_id", "session_id"])
    op.create_index(
        "uq_exclusion_command_id", "exclusion", ["conference_id", "command_id"], unique=True
    )
    op.create_table(
        "exclusion_end",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("exclusion_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "exclusion_id"],
            ["exclusion.conference_id", "exclusion.id"],
            name="fk_exclusion_end_conference_id_exclusion_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_exclusion_end_person_id"),
        sa.PrimaryKeyConstraint("conference_id", "exclusion_id", name="pk_exclusion_end"),
    )


def downgrade() -> None:
    op.drop_table("exclusion_end")
    op.drop_table("exclusion")
    op.create_table(
        "excluded_segment",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_excluded_segment_conference_id_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "conference_id", "session_id", "from_ms", name="pk_excluded_segment"
        ),
    )
