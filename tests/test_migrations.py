"""Migrations, up and down, with data in every table, on both databases."""

import shutil

import alembic.op
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import MetaData, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from support import apps
from support.databases import KINDS
from support.rows import SAMPLES

from telehealth.extensions import db

SCRIPTS = ScriptDirectory(str(apps.ROOT / "migrations"))
STEPS = [(one.down_revision or "base", one.revision) for one in reversed([*SCRIPTS.walk_revisions()])]
LATEST = STEPS[-1][1]

TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": """
        SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
        ORDER BY 1""",
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def database(kind, database_server):
    """Gives an app on a fresh database, in its context, from one of the templates."""
    made = []

    def make(template):
        fresh = database_server.fresh(kind, template)
        app = apps.make_app(fresh.__enter__())
        context = app.app_context()
        context.push()
        made.append((fresh, app, context))
        return app

    yield make
    for fresh, app, context in reversed(made):
        context.pop()
        apps.close(app)
        fresh.__exit__(None, None, None)


def go(move, revision, directory=apps.ROOT / "migrations"):
    """Migrate, as `flask db upgrade` and `flask db downgrade` do."""
    db.session.remove()
    move(directory=str(directory), revision=revision)


def tables():
    """The tables as they are in the database."""
    found = MetaData()
    with db.engine.connect() as connection:
        found.reflect(connection)
    return {table.name: table for table in found.sorted_tables if table.name != "alembic_version"}


def schema():
    """Everything that a migration can change, in a form that can be compared."""
    look, found = inspect(db.engine), {}
    for name in tables():
        found[name] = {
            "columns": [
                (one["name"], str(one["type"]), one["nullable"], str(one["default"]))
                for one in look.get_columns(name)
            ],
            "primary key": look.get_pk_constraint(name),
            "foreign keys": by_name(look.get_foreign_keys(name)),
            "unique": by_name(look.get_unique_constraints(name)),
            "checks": by_name(look.get_check_constraints(name)),
            "indexes": by_name(look.get_indexes(name)),
        }
    with db.engine.connect() as connection:
        found["triggers"] = [tuple(row) for row in connection.execute(text(TRIGGERS[db.engine.name]))]
    return found


def by_name(found):
    return sorted(str(plain(one)) for one in found)


def plain(value):
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    return str(value)


def fill():
    """Put rows into every table that has none."""
    with db.engine.begin() as connection:
        for name, table in tables().items():
            if connection.execute(select(table).limit(1)).first() is None:
                values = [{k: v for k, v in row.items() if k in table.c} for row in SAMPLES[name]]
                connection.execute(insert(table), values)


def content():
    with db.engine.connect() as connection:
        return {
            name: [
                dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for name, table in tables().items()
        }


def survived(before, after):
    """Whether every value is still there, where its table and its column are."""
    for name in before.keys() & after.keys():
        assert len(after[name]) == len(before[name])
        for old, new in zip(before[name], after[name], strict=True):
            common = old.keys() & new.keys()
            assert {key: new[key] for key in common} == {key: old[key] for key in common}
    return True


@pytest.mark.parametrize(("before", "revision"), STEPS)
def test_a_migration_goes_up_and_down_and_keeps_the_data(database, before, revision):
    database("empty")
    if before != "base":
        go(upgrade, before)
    fill()
    old_schema, old = schema(), content()

    go(upgrade, revision)
    new_schema = schema()
    assert survived(old, content())
    fill()
    full = content()
    assert all(full.values())

    go(downgrade, before)
    assert schema() == old_schema
    assert survived(full, content())
    assert survived(old, content())

    go(upgrade, revision)
    assert schema() == new_schema


def test_from_the_latest_to_nothing_and_back(database):
    database("migrated")
    latest = schema()
    fill()
    go(downgrade, "base")
    assert tables() == {}
    assert schema() == {"triggers": []}
    go(upgrade, "head")
    assert schema() == latest
    assert not any(content().values())


def test_the_latest_equals_the_models(database):
    database("migrated")
    with db.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == LATEST
        assert compare_metadata(context, db.metadata) == []


def test_the_latest_equals_what_the_models_would_make(database):
    """Checks, and the conditions of indexes, which the comparison above passes over."""
    database("migrated")
    migrated = schema()
    database("empty")
    db.create_all()
    made = schema()
    migrated.pop("triggers"), made.pop("triggers")
    assert migrated == made


def test_there_is_one_row_of_migrations():
    assert SCRIPTS.get_heads() == [LATEST]
    assert [revision for _, revision in STEPS] == [f"{n:04}" for n in range(1, len(STEPS) + 1)]


def test_every_table_has_sample_rows():
    assert set(SAMPLES) == set(db.metadata.tables)


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database):
    database("peopled")
    before = (schema(), content())
    go(upgrade, "head")
    assert (schema(), content()) == before


@pytest.mark.parametrize("at", [1, 2])
def test_a_migration_that_breaks_off_leaves_nothing_behind(database, monkeypatch, at):
    database("empty")
    go(upgrade, "0001")
    before, execute, calls = schema(), alembic.op.execute, []

    def break_off(*args, **more):
        calls.append(args)
        if len(calls) > at:
            raise OSError
        return execute(*args, **more)

    monkeypatch.setattr(alembic.op, "execute", break_off)
    with pytest.raises(OSError):
        go(upgrade, "0002")
    assert schema() == before
    monkeypatch.undo()
    go(upgrade, "0002")
    assert schema() != before


REBUILD = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "{LATEST}"


def upgrade():
    with op.batch_alter_table("users") as users:
        users.alter_column("name", type_=sa.String(300), existing_nullable=False)
"""


def test_a_table_that_others_refer_to_can_be_made_anew(database, tmp_path):
    """SQLite changes a column by a new table and a drop of the old one."""
    database("migrated")
    fill()
    before = content()
    later = tmp_path / "migrations"
    shutil.copytree(apps.ROOT / "migrations", later)
    (later / "versions" / "later.py").write_text(REBUILD)
    go(upgrade, "later", directory=later)
    assert str(tables()["users"].c.name.type) == "VARCHAR(300)"
    assert content() == before
    with db.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("DELETE FROM users"))
