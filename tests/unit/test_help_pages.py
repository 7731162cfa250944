"""The pages that users read tell the truth: links lead somewhere, examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.cli.main import COMMANDS, parser_for
from segstudio.gui.safe_mode import FLAG

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "resources" / "docs" / "help"
PAGES = [*sorted(HELP.glob("*.md")), ROOT / "README.md", ROOT / "resources" / "docs" / "glossary.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def _commands(page: Path) -> list[tuple[str, list[str]]]:
    """Return the commands of a page with their flags; a line that begins with a blank goes on with the one above."""
    made: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        for line in re.sub(r"\n\s+", " ", block).splitlines():
            found = re.search(r"\b(?:-m )?segstudio ([a-z][a-z-]*)\b(.*)", line.partition(" #")[0])
            if found is not None:
                made.append((found[1], re.findall(r"--[a-z][\w.-]*", found[2])))
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_the_pages_exist_with_their_flags(page: Path) -> None:
    for command, flags in _commands(page):
        assert command in COMMANDS, f"{page.name}: {command}"
        (subparsers,) = (action for action in parser_for([command])._actions if action.dest == "command")
        known = subparsers.choices[command]._option_string_actions  # type: ignore[index, union-attr]
        # The settings of a plug-in are options once it is chosen.
        wrong = [
            flag for flag in flags if flag not in known and not flag.startswith(("--formulation.", "--architecture."))
        ]
        assert not wrong, f"{page.name}: {command} {wrong}"


def _examples() -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", (HELP / "scripting.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    return [block for block in blocks if "np.zeros" in block]


@pytest.mark.parametrize("example", _examples(), ids=["contours", "rotated boxes", "measurements", "scores"])
def test_the_examples_for_scripts_run(example: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"print\([^\n]*# ([^\n]*)", example)
    figures = [note for note in promised if re.match(r"[\d\[]", note)]
    for note in figures:
        assert note.split(":")[0].split(",")[0] in done.stdout


def test_every_way_to_find_objects_is_on_the_page() -> None:
    formulations = pytest.importorskip("segstudio.engine.formulations").formulations
    page = (HELP / "training.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for name in formulations.names():
        title = formulations.get(name).title
        assert any(line.startswith(f"| {title} (`{name}`") for line in rows), f"{title} ({name})"


def test_every_command_is_in_the_list_of_the_page_about_the_command_line() -> None:
    listed = (HELP / "command-line.md").read_text("utf-8").split("```")[1]
    words = {line.split()[1] for line in listed.splitlines() if line.startswith("segstudio ")}
    assert {*COMMANDS, FLAG} <= words
