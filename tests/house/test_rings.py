"""The rings of the house: what a module may import, and the rules for all of them."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from collections import namedtuple
from dataclasses import make_dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "telehealth"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".") for path in FILES]
MODULES = {name.removesuffix(".__init__"): path for name, path in zip(NAMES, FILES, strict=True)}

OUTER = ("telehealth.routes", "telehealth.cli", "telehealth.assets", "telehealth.forms")
"""How it is asked, with all that speaks HTTP: these, and the app itself, may import everything."""
RENTED = ("telehealth.video", "telehealth.messages")
LIVE = ("telehealth.live",)
TOOLS = {
    f"telehealth.{name}"
    for name in ("changes", "clock", "config", "errors", "extensions", "models", "secret", "store", "texts")
}
"""What the rings share: it knows no operation."""
VENDOR = "telehealth.video.twilio"
FLASK_OF_THE_DOMAIN = {"Flask", "current_app"}
THE_CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def ring(name):
    """Which of the rings a module is in."""
    for found, members in (("outer", OUTER), ("rented", RENTED), ("live", LIVE)):
        if any(name == one or name.startswith(one + ".") for one in members):
            return found
    return "outer" if name == "telehealth" else "domain"


def only_for_types(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def statements(tree):
    """All nodes that run; what stands under TYPE_CHECKING does not."""
    for node in ast.iter_child_nodes(tree):
        if not only_for_types(node):
            yield node
            yield from statements(node)


def imports(name):
    """The names that a module imports: `package.module` and `package.module.name`."""
    for node in statements(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_modules(name):
    """The modules of ours that a module imports."""
    for one in imports(name):
        if one.partition(".")[0] == "telehealth":
            yield one if one in MODULES else one.rpartition(".")[0]


def is_tool(name):
    return any(name == tool or name.startswith(tool + ".") for tool in TOOLS)


def may_import(name, other):
    inside, outside = ring(name), ring(other)
    if inside == "outer" or is_tool(other):
        return True
    return inside == outside


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    against = {other for other in own_modules(name) if not may_import(name, other)}
    assert against == set(), f"{name} is in the ring “{ring(name)}”"


@pytest.mark.parametrize("name", [name for name in MODULES if is_tool(name)])
def test_what_the_rings_share_knows_no_operation(name):
    assert {other for other in own_modules(name) if not is_tool(other)} == set()


@pytest.mark.parametrize("name", [name for name in MODULES if ring(name) == "domain"])
def test_the_domain_knows_no_request_and_no_template(name):
    from_flask = {one.removeprefix("flask.") for one in imports(name) if one.startswith("flask.")}
    assert from_flask <= FLASK_OF_THE_DOMAIN
    assert not [one for one in imports(name) if one.partition(".")[0] in ("jinja2", "werkzeug")]


def packages(name):
    """The packages that a module names in its imports, those for types alone and in functions too."""
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_twilio_is_known_to_its_own_package_alone():
    knowing = {name for name in MODULES if "twilio" in packages(name)}
    assert VENDOR in knowing
    assert {name for name in knowing if name != VENDOR and not name.startswith(f"{VENDOR}.")} == set()


def test_twilio_is_not_even_loaded_where_it_carries_no_calls():
    """It brings a dozen packages that an embedded call has no use for."""
    code = (
        "import sys, telehealth; from support import apps;"
        "apps.make_app('sqlite:///nowhere.sqlite'); print('twilio' in sys.modules)"
    )
    paths = os.pathsep.join((str(PACKAGE.parent), str(PACKAGE.parent / "tests")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "False", done.stderr


def test_forms_know_no_operation():
    forms = set(own_modules("telehealth.forms"))
    assert {other for other in forms if not is_tool(other)} <= {"telehealth.times", "telehealth.texts"}


@pytest.mark.parametrize("name", MODULES)
def test_there_is_one_clock(name):
    if name == "telehealth.clock":
        return
    calls = [
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.Call)
    ]
    assert not [call for call in calls if any(call == one or call.endswith("." + one) for one in THE_CLOCK)]
    assert not {"time.time", "time.time_ns"} & set(imports(name))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_at_most_300_lines(name):
    assert len(MODULES[name].read_text().splitlines()) <= 300, "split it by subject"


def is_described(found):
    """Whether somebody wrote what it is: a dataclass and a named tuple say a line by themselves."""
    return bool(found.__doc__) and not found.__doc__.startswith(f"{found.__name__}(")


@pytest.mark.parametrize("name", MODULES)
def test_a_module_and_what_it_offers_say_what_they_are(name):
    """What a method overrides speaks for it."""
    module = importlib.import_module(name)
    assert module.__doc__ or not MODULES[name].read_text().strip()
    silent = []
    for key, found in vars(module).items():
        if key.startswith("_") or getattr(found, "__module__", None) != name:
            continue
        if (inspect.isfunction(found) or inspect.isclass(found)) and not is_described(found):
            silent.append(key)
        if inspect.isclass(found):
            silent += [
                f"{key}.{method}"
                for method, function in vars(found).items()
                if inspect.isfunction(function)
                and not method.startswith("_")
                and function.__module__ == name
                and not inspect.getdoc(getattr(found, method))
            ]
    assert silent == []


def test_a_class_is_not_described_by_what_python_says_of_it():
    described = type("Described", (), {"__doc__": "What it means."})
    assert is_described(described)
    assert not is_described(type("Heir", (described,), {}))
    assert not is_described(make_dataclass("Generated", ["a"]))
    assert not is_described(namedtuple("Tuple", "a"))


def test_the_rules_can_fail():
    """A rule that no import could break would be no rule."""
    assert not may_import("telehealth.sessions", "telehealth.video.peer")
    assert not may_import("telehealth.sessions", "telehealth.routes.api")
    assert not may_import("telehealth.models.session", "telehealth.live.hub")
    assert not may_import("telehealth.video.peer", "telehealth.sessions")
    assert not may_import("telehealth.live.stream", "telehealth.access")
    assert may_import("telehealth.routes.api", "telehealth.video")
    assert may_import("telehealth.video.peer", "telehealth.models")
    tree = ast.parse("if TYPE_CHECKING:\n    import a\nelse:\n    import b\ndef f():\n    import c")
    found = [ast.unparse(node) for node in statements(tree) if isinstance(node, ast.Import)]
    assert found == ["import c"]


def test_nothing_outside_imports_a_test():
    for name in MODULES:
        assert not [one for one in imports(name) if one.partition(".")[0] in ("tests", "support", "bench")]
