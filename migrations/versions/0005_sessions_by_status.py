"""An index for a doctor's sessions of one status: a rare one among many was looked for row by row."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_sessions_doctor_status_newest", "sessions", ["doctor_id", "status", "created_at", "id"]
    )


def downgrade() -> None:
    op.drop_index("ix_sessions_doctor_status_newest", table_name="sessions")
