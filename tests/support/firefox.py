"""Firefox by WebDriver BiDi: Playwright drives only a build of its own, and patients have this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from support import browsers, needs

PREFERENCES: dict[str, Any] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    # Every page believes that it is in front, as in Chromium without a window.
    "focusmanager.testmode": True,
    # Nothing is asked of anybody but the server of the test.
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
}

DENIED: dict[str, Any] = {
    "media.navigator.permission.disabled": False,
    "permissions.default.camera": 2,
    "permissions.default.microphone": 2,
}

# Of a violated policy the protocol says nothing.
TELL = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) =>
  console.error(`Content-Security-Policy: ${violatedDirective} ${blockedURI} in ${sourceFile}`));
"""

# A question lies above the page.
BUTTON = """
(words) => {
  const place = document.querySelector("dialog[open]") ?? document;
  const fits = (one) => one.checkVisibility() && one.innerText.trim() === words;
  const found = [...place.querySelectorAll("button")].find(fits);
  found?.scrollIntoView({ block: "center" });
  return found ?? null;
}
"""


class Firefox:
    """One browser with fake devices, refused where `denied`. To be closed."""

    def __init__(self, *, denied: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        preferences = {**PREFERENCES, **(DENIED if denied else {})}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(preferences[name])});" for name in preferences)
        (folder / "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [
                *(needs.program("firefox-esr"), "--headless", "--no-remote"),
                *("--profile", str(folder), "--remote-debugging-port=0"),
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._count = 0
        self._tabs: dict[str, Tab] = {}
        self._line: ClientConnection | None = None
        try:
            self._line = connect(_address(folder), max_size=None, ping_interval=None)
            self.ask("session.new", capabilities={})
            self.ask("session.subscribe", events=["log.entryAdded", "network.responseCompleted"])
            script = "() => {" + browsers.COLLECT + TELL + "}"
            self.ask("script.addPreloadScript", functionDeclaration=script)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the browser, and leave nothing of it."""
        if self._line:
            self._line.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._folder.cleanup()

    def tab(self, url: str, cookies: list[dict[str, Any]]) -> Tab:
        """A tab of somebody who has only these cookies; `url` is the server's."""
        person = self.ask("browser.createUserContext")["userContext"]
        for cookie in cookies:
            value = {"type": "string", "value": cookie["value"]}
            same_site = cookie["sameSite"].lower()
            self.ask(
                "storage.setCookie",
                cookie={**cookie, "value": value, "sameSite": same_site, "domain": "127.0.0.1"},
                partition={"type": "storageKey", "userContext": person},
            )
        return self.open_tab(url, person)

    def open_tab(self, url: str, person: str) -> Tab:
        """Another tab of the same person."""
        context = self.ask("browsingContext.create", type="window", userContext=person)["context"]
        self._tabs[context] = Tab(self, url, person, context)
        return self._tabs[context]

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command, and give what the browser answers."""
        assert self._line is not None
        self._count += 1
        number = self._count
        self._line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._line.recv(browsers.PATIENCE))
            if said.get("id") == number:
                if said["type"] == "error":
                    raise FirefoxError(f"{method}: {said['error']}: {said['message']}")
                return said["result"]
            self._hear(said)

    def _hear(self, said: dict[str, Any]) -> None:
        what = said.get("params", {})
        tab = self._tabs.get(what.get("context") or what.get("source", {}).get("context"))
        if tab is None:
            return
        if said["method"] == "log.entryAdded" and what["level"] == "error":
            tab.watch.complaints.append(f"{what['type']}: {what['text']}")
        elif said["method"] == "network.responseCompleted" and what["response"]["status"] >= 500:
            tab.watch.complaints.append(f"{what['response']['status']} from {what['response']['url']}")


class FirefoxError(Exception):
    """The browser refused a command."""


class Tab:
    """One tab of one person; its pages are watched."""

    def __init__(self, firefox: Firefox, url: str, person: str, context: str) -> None:
        self.watch = browsers.Watch()
        self._firefox = firefox
        self._url = url
        self._person = person
        self._context = context

    def second(self) -> Tab:
        """Another tab of the same person."""
        return self._firefox.open_tab(self._url, self._person)

    def open(self, path: str) -> Tab:
        """Go to a page."""
        self._ask("browsingContext.navigate", url=self._url + path, wait="complete")
        return self

    def reload(self) -> None:
        """Load the page anew."""
        self._ask("browsingContext.reload", wait="complete")

    def close(self) -> None:
        """Close the tab."""
        self._ask("browsingContext.close")

    def evaluate(self, function: str, *given: str) -> Any:
        """What this function gives on the page, called with what is given."""
        text = self._call(
            f"async (...given) => JSON.stringify((await ({function})(...given)) ?? null)", *given
        )
        return json.loads(text["value"])

    def until(self, function: str, *given: str) -> Any:
        """Ask again and again until the answer is true, also while another page comes; returns it."""

        def ask() -> Any:
            with suppress(FirefoxError):
                return self.evaluate(function, *given)

        return browsers.until(ask, f"it is not so in Firefox: {function} {given}")

    def reads(self, words: str) -> None:
        """These words are to be seen."""
        self.until("(words) => document.body.innerText.includes(words)", words)

    def press(self, words: str) -> None:
        """Press, as a mouse does, the button of exactly this name."""

        def found() -> Any:
            with suppress(FirefoxError):
                return self._call(BUTTON, words).get("sharedId")

        button = browsers.until(found, f"there is no button {words!r} in Firefox")
        place = {"type": "element", "element": {"sharedId": button}}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": place},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        self._ask("input.performActions", actions=[mouse])

    def _call(self, function: str, *given: str) -> dict[str, Any]:
        answer = self._firefox.ask(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": one} for one in given],
            awaitPromise=True,
            target={"context": self._context},
        )
        if answer["type"] == "exception":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        return dict(answer["result"])

    def _ask(self, method: str, **parameters: Any) -> None:
        self._firefox.ask(method, context=self._context, **parameters)


def _address(folder: Path) -> str:
    told = folder / "WebDriverBiDiServer.json"

    def found() -> dict[str, Any] | None:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return dict(json.loads(told.read_text()))
        return None

    where = browsers.until(found, "Firefox did not start")
    return f"ws://{where['ws_host']}:{where['ws_port']}/session"
