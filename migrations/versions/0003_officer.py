"""Adjustments by officers, outages that excuse, and attendance that other tools reported."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "attendance_pair",
    "attendance_line",
    "attendance_report",
    "adjustment_decision",
    "adjustment",
    "outage_ruling",
    "outage_session",
    "outage",
)


def upgrade() -> None:
    op.create_table(
        "outage",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"], ["conference.id"], name="fk_outage_conference_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"], name="fk_outage_made_by"),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_outage"),
    )
    op.create_index("uq_outage_command_id", "outage", ["conference_id", "command_id"], unique=True)
    op.create_table(
        "outage_ruling",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("cap_ms", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "outage_id"],
            ["outage.conference_id", "outage.id"],
            name="fk_outage_ruling_conference_id_outage_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_outage_ruling_person_id"),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_outage_ruling"),
    )
    op.create_index(
        "ix_outage_ruling_outage_id",
        "outage_ruling",
        ["conference_id", "outage_id", "id"],
        unique=False,
    )
    op.create_table(
        "adjustment",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("units", sa.Text(), nullable=False),
        sa.Column("second", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_adjustment_conference_id_session_id",
        ),
        sa.ForeignKeyConstraint(
            ["conference_id"],
            ["conference.id"],
            name="fk_adjustment_conference_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"], name="fk_adjustment_made_by"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_adjustment_person_id"),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_adjustment"),
    )
    op.create_index(
        "ix_adjustment_person_id", "adjustment", ["conference_id", "person_id"], unique=False
    )
    op.create_index(
        "uq_adjustment_command_id", "adjustment", ["conference_id", "command_id"], unique=True
    )
    op.create_table(
        "attendance_report",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=True),
        sa.Column("ends_ms", sa.BigInteger(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placing", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_attendance_report_conference_id_session_id",
        ),
        sa.ForeignKeyConstraint(
            ["conference_id"],
            ["conference.id"],
            name="fk_attendance_report_conference_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_attendance_report"),
    )
    op.create_index(
        "uq_attendance_report_sha256",
        "attendance_report",
        ["conference_id", "session_id", "sha256"],
        unique=True,
    )
    op.create_table(
        "outage_session",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "outage_id"],
            ["outage.conference_id", "outage.id"],
            name="fk_outage_session_conference_id_outage_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conference_id", "session_id"],
            ["session.conference_id", "session.id"],
            name="fk_outage_session_conference_id_session_id",
        ),
        sa.PrimaryKeyConstraint(
            "conference_id", "outage_id", "session_id", name="pk_outage_session"
        ),
    )
    op.create_table(
        "adjustment_decision",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("adjustment_id", sa.Uuid(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "adjustment_id"],
            ["adjustment.conference_id", "adjustment.id"],
            name="fk_adjustment_decision_conference_id_adjustment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_adjustment_decision_person_id"
        ),
        sa.PrimaryKeyConstraint("conference_id", "adjustment_id", name="pk_adjustment_decision"),
    )
    op.create_table(
        "attendance_line",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.Column("least_ms", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=True),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conference_id", "report_id"],
            ["attendance_report.conference_id", "attendance_report.id"],
            name="fk_attendance_line_conference_id_report_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_attendance_line_person_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("conference_id", "id", name="pk_attendance_line"),
    )
    op.create_index(
        "ix_attendance_line_report_id",
        "attendance_line",
        ["conference_id", "report_id", "number"],
        unique=False,
    )
    op.create_table(
        "attendance_pair",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("first", sa.Uuid(), nullable=False),
        sa.Column("second", sa.Uuid(), nullable=False),
        sa.Column("pairing", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conference_id", "report_id"],
            ["attendance_report.conference_id", "attendance_report.id"],
            name="fk_attendance_pair_conference_id_report_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "conference_id", "report_id", "first", "second", name="pk_attendance_pair"
        ),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
