"""Which part of the net a connection came from, under a name that only this server can make."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connection_network",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id"],
            ["conference.id"],
            name="fk_connection_network_conference_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_connection_network_person_id"
        ),
        sa.PrimaryKeyConstraint("conference_id", "connection", name="pk_connection_network"),
    )
    op.create_index(
        "ix_connection_network_person_id", "connection_network", ["conference_id", "person_id"]
    )


def downgrade() -> None:
    op.drop_table("connection_network")
