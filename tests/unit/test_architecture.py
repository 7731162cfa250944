"""The house keeps its shape: floors, walls, names, and nothing of this machine in the repository."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "segstudio").rglob("*.py"))


def test_the_contracts_between_packages_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _imported(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import segstudio", {"numpy", "torch", "PySide6", "pydantic"}),
        ("import segstudio.gui.app", {"torch", "torchvision"}),
        ("import segstudio.cli.main", {"torch", "torchvision", "PySide6", "pyqtgraph"}),
        ("from segstudio.cli.main import parser_for, COMMANDS; parser_for(COMMANDS)", {"torch", "PySide6"}),
        ("import segstudio.engine.run", {"PySide6", "shiboken6", "pyqtgraph"}),
    ],
)
def test_walls_hold_in_the_running_program(statement: str, never: set[str]) -> None:
    assert not never & _imported(statement)


def test_no_module_is_an_attic() -> None:
    attics = {"utils", "util", "helpers", "common", "manager", "misc"}
    assert not [path for path in SOURCES if path.stem in attics or path.parent.name in attics]


def test_the_folder_packaging_hides_no_library() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_the_package_and_the_project_file_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["segstudio"] == "segstudio.__main__:main"
    assert (ROOT / project["readme"]).is_file()
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_no_file_names_this_machine_or_a_registry() -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    # Written in pieces, so that this file does not find itself.
    found = re.compile("|".join(["/wo" + r"rk/", "/ro" + r"ot/", "https?://[^ ]*pypi", "--(extra-)?index" + "-url"]))
    names = [name for name in done.stdout.decode().split("\0") if name]
    texts = [ROOT / name for name in names if name.endswith((".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".json"))]
    hits = [path for path in texts if path.is_file() and found.search(path.read_text(encoding="utf-8"))]
    assert not hits
