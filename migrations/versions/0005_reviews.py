"""Reviews that learners ask for, and the office's answers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_review_conference_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_review_person_id"),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_review_conference_id_session_id",
        ),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_review"),
    )
    op.create_index("ix_review_person_id", "review", ["conference_id", "person_id"], unique=False)
    op.create_index("uq_review_command_id", "review", ["conference_id", "command_id"], unique=True)
    op.create_table(
        "review_answer",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "review_id"],
            ["review.conference_id", "review.id"],
            name="fk_review_answer_conference_id_review_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_review_answer_person_id"),
        sa.PrimaryKeyConstraint("conference_id", "review_id", name="pk_review_answer"),
    )


def downgrade() -> None:
    op.drop_table("review_answer")
    op.drop_table("review")
