"""PostgreSQL databases that tests use one after the other: to make one writes 8 MB, to put one right little.

A database whose shape a test has touched is not used again, nor one that was used often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg
from psycopg.sql import SQL, Identifier

TERMINATE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
SHAPE = """
    SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
        SELECT concat_ws(' ', oid, relname, relkind, relowner, relacl, reloptions) FROM pg_class
            WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_)')
        UNION ALL SELECT concat_ws(' ', attrelid, attnum, xmin) FROM pg_attribute WHERE attrelid >= 16384
            AND attrelid NOT IN (SELECT oid FROM pg_class WHERE relkind = 't')
        UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_trigger
        UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_constraint WHERE oid >= 16384
        UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_namespace
        UNION ALL SELECT concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
        UNION ALL SELECT concat_ws(' ', starelid, staattnum) FROM pg_statistic WHERE starelid >= 16384
    ) AS lines (line)
"""
"""All that is not rows: tables, columns, triggers, rules, functions, rights, settings, statistics."""

OFTEN = 100
"""Rows that were deleted stay in its files."""


@dataclass(frozen=True)
class Used:
    """A database, and what it began with."""

    name: str
    times: int
    shape: str
    rows: dict[str, bytes]
    sequences: dict[str, int | None]


class Stock:
    """Databases with the content of one template that nobody uses now."""

    def __init__(self, make: Callable[[], str], url: Callable[[str], str]) -> None:
        self._make = make
        self._url = url
        self._idle: list[Used] = []

    def take(self) -> Used:
        """One as the template, for one test."""
        if self._idle:
            return self._idle.pop()
        name = self._make()
        with psycopg.connect(self._url(name)) as connection:
            tables = _column(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
            sequences: dict[str, int | None] = dict(connection.execute(query).fetchall())
            rows = {table: _copy_out(connection, table) for table in tables}
            return Used(name, 1, _shape(connection), rows, sequences)

    def give_back(self, used: Used) -> bool:
        """Let the database be as it was; False if it cannot be used again."""
        with psycopg.connect(self._url(used.name)) as connection:
            connection.execute(TERMINATE)
            if used.times == OFTEN or _shape(connection) != used.shape:
                return False
            # Triggers keep the audit from being changed, and keys ask for an order.
            connection.execute("SET session_replication_role = replica")
            for table, rows in used.rows.items():
                # TRUNCATE makes new files for each table and index, which takes ten times as long.
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))
                if rows:
                    copy = SQL("COPY {} FROM STDIN").format(Identifier(table))
                    with connection.cursor() as cursor, cursor.copy(copy) as into:
                        into.write(rows)
            for sequence, last in used.sequences.items():
                called = (sequence, last or 1, last is not None)
                connection.execute("SELECT setval(quote_ident(%s)::regclass, %s, %s)", called)
        self._idle.append(replace(used, times=used.times + 1))
        return True


def _copy_out(connection: psycopg.Connection, table: str) -> bytes:
    query = SQL("COPY {} TO STDOUT").format(Identifier(table))
    with connection.cursor() as cursor, cursor.copy(query) as out:
        return b"".join(bytes(part) for part in out)


def _shape(connection: psycopg.Connection) -> str:
    [shape] = _column(connection, SHAPE)
    return shape


def _column(connection: psycopg.Connection, query: str) -> list[str]:
    return [row[0] for row in connection.execute(query).fetchall()]
