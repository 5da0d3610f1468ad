"""Commands for operators; `flask --help` lists them."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from werkzeug.local import LocalProxy

from telehealth import api_tokens, audit, chores, demo, people, reconcile, video
from telehealth.access import SYSTEM
from telehealth.errors import Invalid, NotFound, Refusal
from telehealth.extensions import db
from telehealth.models import Role
from telehealth.times import iso


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (
        create_user,
        create_api_token,
        list_api_tokens,
        revoke_api_token,
        fill_demo,
        reconcile_now,
        test_twilio,
        verify_audit,
    ):
        app.cli.add_command(command)
    app.extensions["migrate"] = LocalProxy(partial(_migrations, app))


def _migrations(app: Flask) -> Any:
    """What `flask db` works with, once it is asked for: a worker never does, and is spared ten megabytes."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(Path(app.root_path).parent / "migrations"), render_as_batch=True)
    return app.extensions["migrate"]


@click.command("create-user")
@click.option("--role", required=True, type=click.Choice(Role.ALL))
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--phone", default="")
@click.option("--date-of-birth", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_user(
    role: str,
    email: str,
    name: str,
    phone: str,
    date_of_birth: datetime | None,
    password_stdin: bool,
) -> None:
    """Add a person; prints the new id alone on the last line."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with _plain_errors():
        user = people.create(
            role,
            people.Details(email, name, phone, date_of_birth.date() if date_of_birth else None),
            by=SYSTEM,
            password=password,
        )
    click.echo(user.id)


@click.command("create-api-token")
@click.argument("email")
@click.option("--name", default="", help="What it is for.")
def create_api_token(email: str, name: str) -> None:
    """Print a bearer token for a person, once; only its hash is kept."""
    user = people.by_email(email)
    if user is None or not user.active:
        raise click.ClickException("nobody with this e-mail address can sign in")
    click.echo(api_tokens.create(user, name[:100], by=SYSTEM))


@click.command("api-tokens")
@click.argument("email", required=False)
def list_api_tokens(email: str | None) -> None:
    """List API tokens, of one person or of all: id, since when, whose, what for, whether it works."""
    user = people.by_email(email) if email else None
    if email and user is None:
        raise click.ClickException("nobody has this e-mail address")
    for token in api_tokens.listing(user):
        state = f"revoked {iso(token.revoked_at)}" if token.revoked_at else "works"
        click.echo("\t".join((token.id, iso(token.created_at), token.user.email, token.name, state)))


@click.command("revoke-api-token")
@click.argument("token_id", metavar="ID")
def revoke_api_token(token_id: str) -> None:
    """Make one API token worthless; `flask api-tokens` tells its ID."""
    try:
        api_tokens.revoke(token_id, by=SYSTEM)
    except NotFound:
        raise click.ClickException("no token that works has this ID; see: flask api-tokens") from None


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="Do nothing where there are people already.")
def fill_demo(if_empty: bool) -> None:
    """Fill an empty database with demo people, visits and sessions, and print their sign-ins."""
    if not demo.is_empty():
        if if_empty:
            click.echo(demo.where())
            return
        raise click.ClickException("there are people in this database already; nothing was changed")
    with _plain_errors():
        click.echo(demo.fill(video=video.provider()))


@click.command("reconcile")
def reconcile_now() -> None:
    """Repair what was missed: rooms and people at the provider, calls nobody is in. Harmless to repeat."""
    provider = video.provider()
    found = reconcile.run(video=provider)
    # Only a video service can tell in one look that nobody is in a call; embedded ones the server watches.
    certain = provider.hosted and not found.unreachable
    report = chores.run(video=provider, looks=1 if certain else chores.LOOKS)
    click.echo(f"rooms asked about: {found.looked}")
    click.echo(f"rooms found over: {found.over}")
    click.echo(f"rooms closed: {found.closed}")
    click.echo(f"people put out of a room: {found.put_out}")
    click.echo(f"lost connections closed: {report.lost}")
    click.echo(f"abandoned calls ended: {report.ended}")
    if found.unreachable:
        raise click.ClickException(f"{found.unreachable} questions had no answer; run this again later")


@click.command("test-twilio")
def test_twilio() -> None:
    """Tell whether the Twilio set-up works, one line a step; exit 0 only if calls would work."""
    # Only here: who has no Twilio shall not load its package.
    from telehealth.video.twilio import check

    failed = False
    for step in check.steps(current_app.config["SETTINGS"]):
        mark = "ok  " if step.well else "FAIL" if step.matters else "note"
        click.echo(f"{mark} {step.name}: {step.what}.")
        if step.todo:
            click.echo(f"     {step.todo}")
        failed = failed or (step.matters and not step.well)
    click.echo("Calls would not work yet." if failed else "Calls would work.")
    if failed:
        raise SystemExit(1)


@click.command("verify-audit")
@click.option("--anchor", help="ID:MAC noted earlier; it must still be in the chain.")
def verify_audit(anchor: str | None) -> None:
    """Check the audit chain; exit 1 and the first bad row where it is broken."""
    wanted = None
    if anchor:
        number, _colon, mac = anchor.partition(":")
        if not (number.isascii() and number.isdigit() and mac):
            raise click.ClickException("an anchor looks like 123:ab12…")
        wanted = (int(number), mac)
    verdict = audit.verify(wanted)
    if verdict.bad_id is not None:
        click.echo(f"broken at entry {verdict.bad_id}: {verdict.why}")
        raise SystemExit(1)
    click.echo(f"{verdict.rows} entries, unbroken; head {verdict.head_id}:{verdict.head_mac}")


class _plain_errors:
    """Turns a refusal into one line for the terminal."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Invalid) and error.fields:
            words = "; ".join(f"{name}: {' '.join(what)}" for name, what in error.fields.items())
            raise click.ClickException(words)
        if isinstance(error, Refusal):
            raise click.ClickException(error.message)
