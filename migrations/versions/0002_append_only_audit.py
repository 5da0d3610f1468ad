"""Append-only audit: the database itself refuses to change, delete or overwrite an entry."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = {
    "audit_no_update": "BEFORE UPDATE ON audit_entries",
    "audit_no_delete": "BEFORE DELETE ON audit_entries",
    # INSERT OR REPLACE deletes without a delete trigger, unless recursive triggers are on.
    "audit_no_replace": """BEFORE INSERT ON audit_entries
        WHEN NEW.id <= (SELECT coalesce(max(id), 0) FROM audit_entries)
          OR EXISTS (SELECT 1 FROM audit_entries WHERE mac = NEW.mac OR prev = NEW.prev)""",
}

POSTGRESQL = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_entries
       FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_entries
       FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    # The lock comes first and the read after it, each with a snapshot of its own: two writers
    # never see the same head.
    """CREATE FUNCTION audit_head() RETURNS TABLE (id integer, mac varchar)
       LANGUAGE plpgsql VOLATILE AS $$
       BEGIN
         PERFORM pg_advisory_xact_lock(7263541);
         RETURN QUERY SELECT a.id, a.mac FROM audit_entries a ORDER BY a.id DESC LIMIT 1;
       END $$""",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in POSTGRESQL:
            op.execute(statement)
        return
    for name, when in SQLITE.items():
        op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT raise(ABORT, 'the audit is append-only'); END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_no_truncate ON audit_entries")
        op.execute("DROP TRIGGER audit_no_change ON audit_entries")
        op.execute("DROP FUNCTION audit_refuse()")
        op.execute("DROP FUNCTION audit_head()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER {name}")
