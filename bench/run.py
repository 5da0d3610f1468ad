"""Measure everything, print it, and write docs/performance.md."""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from support import databases

from bench import (
    api,
    browser,
    lists,
    machine,
    outages,
    pages,
    races,
    scanners,
    sign_ins,
    start,
    twilio,
    waiting,
)
from bench.figures import Figure

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
PARTS = {
    "pages": pages.measure,
    "api": api.measure,
    "lists": lists.measure,
    "start": start.measure,
    "waiting": waiting.measure,
    "sign-ins": sign_ins.measure,
    "browser": browser.measure,
    "outages": outages.measure,
    "twilio": twilio.measure,
    "machine": machine.measure,
    "races": races.measure,
}
ASIDE = {"scanners": scanners.measure}
"""Only when it is named: it fetches programs, and is about no speed."""

TEXT = """# Performance

Measured on {day} with Python {python} on {cores} cores, by `make bench`. It writes this page.

| figure | measured | limit | in detail |
| --- | --- | --- | --- |
{rows}

## How it is measured

Times differ from machine to machine and from hour to hour; what is kept to are ratios against a
floor that is measured in the same run, round by round in turns, of which the median counts.

- **CPU against “hello”**: a Flask application that answers `Hello` and ours run under the same
  `gunicorn.conf.py` with two workers each. A client on the same machine asks over four kept
  connections; the processor time of the workers (`/proc/PID/stat`) is divided by the requests.
- **SQL statements** are counted where SQLAlchemy hands them to the driver, for one whole request.
- **Lists**: the API’s list of twenty sessions, out of 100 and of 100,000 of one doctor and one patient, on
  two servers that are asked in turns; one in so many sessions failed, so that 25 did in either. What
  counts is the quickest of twelve answers in each round.
- **Start-up** ends with the first answer of `/readyz`, which is asked for every 50 ms. **A worker’s
  memory** is what is resident (`/proc/PID/status`), what it shares with others included.
- **Waiting patients** hold the stream of the call page and say every ten seconds that they are there,
  over a few kept connections, as from a proxy. Their memory is by how much the workers have grown.
  Meanwhile somebody opens sign-in and Telemedicine pages in turns. A start is told when the page that was
  woken has asked how the session stands.
- **Sign-ins**: fifty people send their passwords at the same moment, five times. The memory is the
  workers’ highest (`VmHWM`) less what they had before.
- **Outages**: the relay that carries all media stands still and the patient’s browser is offline. Back
  is the first picture after which pictures go on coming on both sides. A **reload** is counted from the
  moment that the new page is loaded to the first frame of the other side.
- **Page weights** are everything that Chromium loads with an empty cache: HTML, style sheet,
  scripts and icons, each with gzip. Static files are sent compressed and kept for ever; a second
  page costs its HTML alone.
- **Callbacks** are signed, of one session, half joins and half leaves, each with a stay of its own; the pages
  read meanwhile are sign-in pages.
- **Join**: the doctor is in the call; the patient finds `Join Session` on the list within a second and
  presses it. Measured is the time from the click to the first frame of the doctor's picture on the
  patient's screen, the coming of the call page included. Chrome and Edge prepare that page before
  the click (it comes in nowhere before); other browsers fetch it only, as Playwright's do. The floor
  is a loaded page that, from a click, opens the camera and connects two connections of its own to
  each other, both ways, up to the first frame. Over the double of Twilio, embedded and on the
  floor it is measured in turns, in the same run and the same browser.

- **State machine**: `tests/test_state_machine.py` goes through clinics in which anything happens in any
  order; `make test` does 300 of them.
- **Races**: `tests/test_race_pairs.py` lets two kinds of callers at a session at the same moment, over two
  workers; `make test` does four rounds of all pairs on each database.

`make bench ARGS="{first}"` measures a part and only prints it; the others are {parts}.
`scanners`, which the security ledger tells of, runs only when it is named.
"""


def main() -> int:
    """Run what is asked for; 1 where a limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, *ASIDE, []], help="all but scanners, when none is named"
    )
    parts = parser.parse_args().parts
    folder = databases.make_folder()
    figures: list[Figure] = []
    try:
        for name in parts or PARTS:
            for figure in (PARTS | ASIDE)[name](databases.Databases(folder), folder):
                print(figure.row, flush=True)
                figures.append(figure)
    finally:
        databases.remove_folder(folder)
    if not parts:
        DOCUMENT.write_text(
            TEXT.format(
                day=f"{datetime.now(UTC):%-d %B %Y}",
                python=platform.python_version(),
                cores=os.cpu_count(),
                first=next(iter(PARTS)),
                parts=", ".join(f"`{name}`" for name in list(PARTS)[1:]),
                rows="\n".join(figure.row for figure in figures),
            )
        )
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
