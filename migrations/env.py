"""How Alembic reaches the app's database; one transaction for each migration."""

from alembic import context
from flask import current_app

database = current_app.extensions["migrate"].db


def run() -> None:
    """Migrate over the app's own engine."""
    with database.engine.connect() as connection:
        # What is set here is for no other use of the connection.
        connection.detach()
        if connection.dialect.name == "sqlite":
            # A table that is made anew is dropped for a moment: rows that refer to it must not stop
            # that.
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
            # What looks first and writes after fails at once where somebody wrote in between.
            connection = connection.execution_options(writes=True)
        else:
            # It may have to wait for people at work longer than one of them for another.
            connection.exec_driver_sql("SET lock_timeout = 0")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=True,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
