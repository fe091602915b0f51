"""Published rules of credit, and the checks that they may ask for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IN_SESSION = ["session.conference_id", "session.id"]


def upgrade() -> None:
    op.create_table(
        "policy",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_policy_conference_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["published_by"], ["person.id"], name="fk_policy_published_by"),
        sa.PrimaryKeyConstraint("conference_id", "version", name="pk_policy"),
    )
    op.create_table(
        "check_seed",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("an_hour", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("revealed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            IN_SESSION,
            name="fk_check_seed_conference_id_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conference_id", "session_id", "number", name="pk_check_seed"),
    )
    op.create_table(
        "presence_check",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("seed_number", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            IN_SESSION,
            name="fk_presence_check_conference_id_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_presence_check_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_presence_check"),
    )
    op.create_index(
        "uq_presence_check_number",
        "presence_check",
        ["conference_id", "session_id", "person_id", "seed_number", "number"],
        unique=True,
    )
    op.create_index(
        "ix_presence_check_state", "presence_check", ["state", "closes_ms"], unique=False
    )


def downgrade() -> None:
    for table in ("presence_check", "check_seed", "policy"):
        op.drop_table(table)
