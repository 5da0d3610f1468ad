"""Chromium by its own protocol, for what Playwright switches off: a page prepared before the click."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from support import browsers, needs

POLL = 0.02
FAKE_CAMERA = (f"{browsers.FAKE_DEVICES}=fps=10", "--use-fake-ui-for-media-stream")


class Chromium:
    """One browser with a fake camera; every page runs `script` first, and what that says to
    `tell()` is kept in `told`. To be closed.
    """

    def __init__(self, folder: Path, script: str = "") -> None:
        self._script = script
        self.told: list[str] = []
        self._count = 0
        self._pages: list[str] = []
        self._process = subprocess.Popen(
            [
                *(needs.program("chromium"), *browsers.ARGUMENTS, *FAKE_CAMERA),
                *("--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
            ],
            stderr=subprocess.DEVNULL,
        )
        self._line = connect(_address(folder), max_size=None)

    def close(self) -> None:
        """End the browser."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def visit(self, url: str, cookies: list[dict[str, Any]]) -> str:
        """Open a page in a fresh context with these cookies; the id of the context."""
        context: str = self._ask("Target.createBrowserContext")["browserContextId"]
        kept = ("name", "value", "domain", "path", "httpOnly", "sameSite")
        cookies = [{name: cookie[name] for name in kept} for cookie in cookies]
        self._ask("Storage.setCookies", cookies=cookies, browserContextId=context)
        self._ask("Target.createTarget", url="about:blank", browserContextId=context)
        tabs = self._ask("Target.getTargets", filter=[{"type": "tab"}])["targetInfos"]
        tab = next(one["targetId"] for one in tabs if one["browserContextId"] == context)
        # Through the tab: whoever listens to a page alone keeps its browser from preparing others.
        session = self._ask("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        self._pages.clear()
        auto = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self._ask("Target.setAutoAttach", session, **auto, filter=[{}])
        self.wait(POLL)
        # What the page was told before has to have arrived, or the next document does without it.
        self.evaluate("1")
        self._ask("Page.navigate", self._pages[0], url=url)
        return context

    def leave(self, context: str) -> None:
        """Close the context and its pages."""
        self._ask("Target.disposeBrowserContext", browserContextId=context)

    def wait(self, seconds: float) -> None:
        """Let time pass, and pages that are being prepared get what they need."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._ask("Browser.getVersion")
            time.sleep(POLL)

    def click(self, words: str) -> None:
        """Click, as a mouse does, the first button with these words on the page that is open."""
        where = f"""(() => {{
          const buttons = [...document.querySelectorAll("button")];
          const button = buttons.find((one) => one.innerText.includes({words!r}));
          button.scrollIntoView();
          const {{ x, y, width, height }} = button.getBoundingClientRect();
          return {{ x: x + width / 2, y: y + height / 2 }};
        }})()"""
        place = self.evaluate(where, self._pages[0])
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self._ask(
                "Input.dispatchMouseEvent", self._pages[0], type=kind, button=button, clickCount=1, **place
            )

    def was_prepared(self) -> bool:
        """Whether the page that is open was there before the click."""
        return bool(self.evaluate("performance.getEntriesByType('navigation')[0].activationStart > 0"))

    def evaluate(self, expression: str, page: str = "") -> Any:
        """What the expression is worth on the page, or on the one that came last; None between two pages."""
        page = page or self._pages[-1]
        answer = self._ask("Runtime.evaluate", page, expression=expression, returnByValue=True)
        return answer.get("result", {}).get("value")

    def _ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = self._send(method, session, parameters)
        while True:
            said = json.loads(self._line.recv(30))
            if said.get("id") == number:
                return dict(said.get("result", {}))
            if said.get("method") == "Target.attachedToTarget":
                self._welcome(said["params"])
            elif said.get("method") == "Runtime.bindingCalled":
                self.told.append(said["params"]["payload"])

    def _welcome(self, attached: dict[str, Any]) -> None:
        if attached["targetInfo"]["type"] != "page":
            return
        page = attached["sessionId"]
        self._pages.append(page)
        # A page that is being prepared answers only once it may run.
        self._send("Page.enable", page, {})
        self._send("Runtime.enable", page, {})
        self._send("Runtime.addBinding", page, {"name": "tell"})
        self._send("Page.addScriptToEvaluateOnNewDocument", page, {"source": self._script})
        self._send("Runtime.runIfWaitingForDebugger", page, {})

    def _send(self, method: str, session: str, parameters: dict[str, Any]) -> int:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        self._line.send(json.dumps({**message, **({"sessionId": session} if session else {})}))
        return self._count


def _address(folder: Path) -> str:
    told = folder / "DevToolsActivePort"
    browsers.until(lambda: told.exists() and told.read_text().count("\n"), "Chromium did not start", 20)
    port, path = told.read_text().split("\n")
    return f"ws://127.0.0.1:{port}{path}"
