"""The pages that users read tell the truth: links lead somewhere, examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "resources" / "docs" / "help"
PAGES = [*sorted(HELP.glob("*.md")), ROOT / "README.md", ROOT / "resources" / "docs" / "glossary.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


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
