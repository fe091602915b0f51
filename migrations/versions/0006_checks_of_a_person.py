"""A learner's checks are found without going over everybody's."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_presence_check_person_id", "presence_check", ["conference_id", "person_id"])


def downgrade() -> None:
    op.drop_index("ix_presence_check_person_id", table_name="presence_check")
