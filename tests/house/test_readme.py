"""The README says what the code does: its diagram is made from the table of steps."""

from __future__ import annotations

import re
from pathlib import Path

from telehealth.sessions import STEPS

README = Path(__file__).parents[2] / "README.md"


def diagram() -> str:
    """The table of steps as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for step in STEPS.values():
        if step.end is None:
            continue
        for start in step.start or ("[*]",):
            lines.append(f"    {start} --> {step.end}: {step.action} ({', '.join(step.by)})")
    ends = {step.end for step in STEPS.values()} - {start for step in STEPS.values() for start in step.start}
    lines += [f"    {end} --> [*]" for end in sorted(end for end in ends if end)]
    return "\n".join(lines)


def test_the_diagram_in_the_readme_is_the_table_of_steps() -> None:
    found = re.search(r"<!-- steps: .*?-->\n```mermaid\n(.*?)\n?```", README.read_text(), re.DOTALL)
    assert found and found.group(1) == diagram(), f"put this into README.md:\n{diagram()}"


def test_every_file_that_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
