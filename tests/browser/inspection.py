"""What must be so on every page, for eyes, keyboards and screen readers."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NARROW = {"width": 320, "height": 640}

AXE = Axe().axe_script

WITHOUT_OUTLINE = """
() => {
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const before = document.activeElement;
  const found = [];
  for (const element of document.querySelectorAll(kinds)) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    element.focus({ preventScroll: true });
    if (document.activeElement !== element) continue;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) found.push(element.outerHTML.slice(0, 90));
  }
  before?.focus?.({ preventScroll: true });
  return found;
}
"""

HEADINGS = """
() => [...document.querySelectorAll("h1")].filter((heading) => heading.checkVisibility()).length
"""


def faults_of(page: Page) -> list[str]:
    """All that is wrong with the page as it is now: axe in light and dark, headings, focus, 320 px."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    faults = _ask_axe(page, "light")
    # Only colours differ in the dark.
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    faults += _ask_axe(page, "dark", {"runOnly": ["color-contrast", "link-in-text-block"]})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    if (headings := page.evaluate(HEADINGS)) != 1:
        faults.append(f"{headings} headings of the first level")
    # The focus is only shown to those who use keys.
    page.keyboard.press("Tab")
    faults += [f"no focus to be seen on {element}" for element in page.evaluate(WITHOUT_OUTLINE)]
    faults += too_wide(page)
    return faults


def _ask_axe(page: Page, scheme: str, options: dict[str, Any] | None = None) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    answer = page.evaluate(
        "options => axe.run(document, options)", {"resultTypes": ["violations"], **(options or {})}
    )
    return [
        f"{scheme}: {rule['id']} ({rule['help']}): {node['html'][:160]} – {_why(node)}"
        for rule in answer["violations"]
        for node in rule["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(check["message"] for check in checks)[:240]


def too_wide(page: Page) -> list[str]:
    """Whether the page is wider than a narrow screen."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size(NARROW)
    width = page.evaluate("document.scrollingElement.scrollWidth")
    page.set_viewport_size(before)
    return [f"{width} px wide on a screen of {NARROW['width']}"] if width > NARROW["width"] else []
