"""What scanners from the package indexes find on our own server.

Each is fetched into a temporary folder of its own, and talks to this machine alone. One that cannot be
fetched, comes to no end or has not really looked counts as one that found something.
"""

import csv
import json
import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Playwright, sync_playwright
from support import browsers, chromium
from support.databases import Databases
from support.server import free_port

from bench.figures import Figure
from bench.front import in_front
from bench.ground import STARTS, Ground, Unfit, program
from bench.scene import set_up
from telehealth.models import Status

MODULES = "sql,xss,permanentxss,file,exec,redirect,crlf,csp,http_headers,cookieflags,csrf,xxe"
CRAWLING, ATTACKING = 60, 30
"""Seconds that wapiti may look for pages, and that each of its modules may take."""
MEDIUM = 2
LEAST_PAGES = 10

NOTHING = "all tested parameters do not appear to be injectable"

WRONG = "<!DOCTYPE html><title>Wrong on purpose</title><p><div id=a></div><img id=a></p>"

# Other hosts are not found.
ALONE = ("--ignore-certificate-errors", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost")
LOOKED_AT = ("best-practices", "accessibility")


Scan = Callable[[Ground], tuple[float, str]]
"""What a scanner found, as a number and in words."""


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """A figure for each scanner."""
    for name, limit, least, scan in SCANNERS:
        with (
            TemporaryDirectory(dir=folder) as own,
            set_up(databases, "sqlite", len(Status.ALL) + 1) as scene,
            in_front(Path(own), scene.database_url) as front,
        ):
            try:
                value, detail = scan(Ground(scene, front, Path(own)))
            except (Unfit, subprocess.TimeoutExpired, OSError, Error) as why:
                # A number that keeps to no limit.
                value, detail = math.nan, f"**not done**: {why}"
        yield Figure(name, value, "", limit, detail, least)


def _wapiti(ground: Ground) -> tuple[float, str]:
    wapiti, found, told = ground.from_python("wapiti3==3.2.3") / "wapiti", [], []
    for key, starts in STARTS.items():
        # Signing out would end it; the form on `/` is filled in by scripts before it is sent elsewhere.
        words = [word for path in starts for word in ("--start", ground.url + path)]
        words += [word for path in ("/", "/sign-out") for word in ("--exclude", ground.url + path)]
        words += ["--skip", "csrf_token", "--module", MODULES, "--depth", "4", "--scope", "domain"]
        words += ["--max-scan-time", str(CRAWLING), "--max-attack-time", str(ATTACKING)]
        words += ["--endpoint", ground.url, "--no-bugreport", "--flush-session"]
        words += ["--cookie-value", ground.cookie(key), "--format", "json"]
        report = ground.folder / f"{key}.json"
        said = ground.run(wapiti, "--url", ground.url + starts[0], *words, "--output", report)
        answer = _read(report, said)
        pages = answer["infos"]["crawled_pages_nbr"]
        if pages < LEAST_PAGES:
            raise Unfit(f"{key} saw {pages} pages")
        ground.check_signed_in(key)
        told.append(f"{pages} pages and forms as {key}")
        for kind in ("vulnerabilities", "anomalies"):
            found += [(name, one) for name, all in answer[kind].items() for one in all]
    grave = [(name, one) for name, one in found if one["level"] >= MEDIUM]
    lesser = f"{len(found) - len(grave)} lesser findings"
    return len(grave), "; ".join([*told, lesser, *(f"{name}: {one['path']}" for name, one in grave[:3])])


def _sqlmap(ground: Ground) -> tuple[float, str]:
    targets = (
        "/visits?q=cough&status=closed&page=1",
        "/admin/people?q=ana",
        "/admin/audit?before=20",
        f"/visits/{ground.scene.visit.id}*",
        f"/telemedicine/{ground.scene.live.id}*",
        f"/api/v1/telemedicine/?status=FAILED&visit_id={ground.scene.visit.id}&limit=5&cursor=a",
    )
    sqlmap, asked = ground.from_python("sqlmap==1.10") / "sqlmap", ground.folder / "targets"
    asked.write_text("".join(f"{ground.url}{path}\n" for path in targets))
    results = ground.folder / "results.csv"
    words = ["--level", "2", "--dbms", "sqlite", "--batch", "--flush-session", "--disable-coloring"]
    # The API's answer to a cookie that was tampered with, at which sqlmap would leave an address.
    words += ["--ignore-code", "401"]
    words += ["--output-dir", str(ground.folder / "sqlmap"), "--results-file", str(results)]
    said = ground.run(sqlmap, "-m", asked, "--cookie", ground.cookie("sam"), *words)
    ground.check_signed_in("sam")
    # What only seemed so to it at first, it notes as a false positive.
    rows = list(csv.DictReader(results.read_text().splitlines())) if results.exists() else []
    found = [row for row in rows if "false positive" not in row["Note(s)"]]
    tried = said.count(NOTHING) + len({row["Target URL"] for row in found})
    if tried != len(targets):
        raise Unfit(f"{tried} of {len(targets)} addresses were tried: {said[-300:]}")
    told = (f"{row['Parameter']} of {row['Target URL']}" for row in found[:3])
    again = f"{len(rows) - len(found)} taken back by itself"
    return len(found), "; ".join([f"{len(targets)} addresses and cookies, as staff", again, *told])


def _observatory(ground: Ground) -> tuple[float, str]:
    place = ground.from_node("@mdn/mdn-http-observatory@1.4.8")
    # The hosts of which browsers know by heart that they speak https alone; ours is none of them.
    (place / "conf" / "hsts-preload.json").write_text("{}")
    trusted = {"NODE_EXTRA_CA_CERTS": str(ground.front.authority)}
    said = ground.run(program("node"), place / "src" / "scan.js", urlsplit(ground.url).netloc, **trusted)
    answer = _parse(said)
    if "scan" not in answer:
        raise Unfit(said)
    scan = answer["scan"]
    return scan["score"], f"{scan['grade']}; {scan['testsPassed']} of {scan['testsQuantity']} tests; `/`"


def _html_validate(ground: Ground) -> tuple[float, str]:
    place = ground.from_node("html-validate@10.17.0")
    wrong = ground.folder / "wrong.html"
    wrong.write_text(WRONG)
    files, pages = [wrong], ground.pages()
    pages += [("dr_grey", "/visits/nothing-there"), ("ana", "/visits"), ("", "/join/nothing-there")]
    for number, (key, path) in enumerate(pages):
        files.append(ground.folder / f"{number}.html")
        files[-1].write_text(ground.browser(key).get(ground.url + path, timeout=30).text)
    validate = place / "bin" / "html-validate.mjs"
    words = (program("node"), validate, "--preset", "standard", "--formatter", "json")
    reports = _parse(ground.run(*words, *files))
    faults = {Path(one["filePath"]).stem: one["messages"] for one in reports if one["messages"]}
    if not faults.pop("wrong", None):
        raise Unfit("nothing was found on a page that is wrong on purpose")
    found = [(pages[int(name)][1], one) for name, all in faults.items() for one in all]
    told = (f"{path}: {one['message']}" for path, one in found[:3])
    return len(found), "; ".join([f"{len(pages)} pages of every role", *told])


def _lighthouse(ground: Ground) -> tuple[float, str]:
    place = ground.from_node("lighthouse@12.8.2")
    lighthouse = (program("node"), place / "cli" / "index.js")
    scores: dict[str, list[tuple[float, str]]] = {name: [] for name in LOOKED_AT}
    with ExitStack() as stack:
        playwright, ports = stack.enter_context(sync_playwright()), dict[str, int]()
        for key, path in ground.pages():
            # A cookie among the headers would not do: requests of pages that are prepared lack it.
            if key not in ports:
                ports[key] = free_port()
                stack.callback(_chromium(playwright, ground, key, ports[key]).close)
            report = ground.folder / "report.json"
            report.unlink(missing_ok=True)
            words = [f"--only-categories={','.join(LOOKED_AT)}", "--quiet", "--no-enable-error-reporting"]
            words += [f"--port={ports[key]}", "--disable-storage-reset", "--max-wait-for-load=15000"]
            words += ["--output=json", f"--output-path={report}"]
            answer = _read(report, ground.run(*lighthouse, ground.url + path, *words))
            if answer.get("runtimeError") or answer["finalDisplayedUrl"] != ground.url + path:
                raise Unfit(f"{path} led to {answer['finalDisplayedUrl']}: {answer.get('runtimeError')}")
            for name in LOOKED_AT:
                category = answer["categories"][name]
                rules = [one["id"] for one in category["auditRefs"] if one["weight"]]
                failed = [one for one in rules if answer["audits"][one]["score"] not in (None, 1)]
                scores[name].append((category["score"] * 100, f"{path} {' '.join(failed)}"))
    lowest = {name: min(all) for name, all in scores.items()}
    told = [f"{name} {score:.0f}{f' ({where})' * (score < 100)}" for name, (score, where) in lowest.items()]
    told.append(f"{len(scores[LOOKED_AT[0]])} pages of every role, the call among them")
    return min(score for score, _where in lowest.values()), "; ".join(told)


def _chromium(playwright: Playwright, ground: Ground, key: str, port: int) -> BrowserContext:
    context = playwright.chromium.launch_persistent_context(
        ground.folder / f"profile-{key}",
        executable_path=program("chromium"),
        args=[*browsers.ARGUMENTS, *chromium.FAKE_CAMERA, *ALONE, f"--remote-debugging-port={port}"],
        no_viewport=True,
    )
    if key:
        for one in ground.browser(key).cookies:
            context.add_cookies([{"name": one.name, "value": str(one.value), "url": ground.url}])
    return context


SCANNERS: Sequence[tuple[str, float, bool, Scan]] = (
    ("html-validate: faults", 0, False, _html_validate),
    ("HTTP observatory: points", 100, True, _observatory),
    ("Lighthouse, best practices and accessibility: lowest of any page", 100, True, _lighthouse),
    ("sqlmap: parameters that can be injected", 0, False, _sqlmap),
    ("wapiti: findings of medium or above", 0, False, _wapiti),
)


def _read(report: Path, said: str) -> Any:
    if not report.exists():
        raise Unfit(f"no report: {said[-300:]}")
    return json.loads(report.read_text())


def _parse(said: str) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        raise Unfit(f"no report: {said[-300:]}") from None
