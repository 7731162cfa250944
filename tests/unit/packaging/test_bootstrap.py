"""The two commands: what they say when something is missing, and that a second start has nothing to do."""

import ast
import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGING))
    module = importlib.reload(importlib.import_module("bootstrap"))
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp.json")
    monkeypatch.setattr(module, "UNFINISHED", tmp_path / ".venv" / "unfinished")
    return module


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGING))
    return importlib.import_module("pip_progress")


def test_only_the_standard_library_is_imported() -> None:
    for name in ("bootstrap.py", "pip_progress.py"):
        tree = ast.parse((PACKAGING / name).read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert {item.split(".")[0] for item in names} <= sys.stdlib_module_names | {"pip_progress"}


def test_old_pythons_can_read_the_file_far_enough_to_say_so() -> None:
    ast.parse((PACKAGING / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_constraints_hold_versions_and_no_addresses() -> None:
    lines = (PACKAGING / "constraints" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert {"torch", "torchvision", "numpy", "pytest"} <= {pin.split("==")[0] for pin in pins}


def test_a_second_start_installs_nothing(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    python = bootstrap.venv_python()
    python.parent.mkdir(parents=True)
    python.touch()
    bootstrap.STAMP.write_text(json.dumps({"digest": bootstrap.digest(), "extras": ["test"]}))
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: pytest.fail("started a process"))
    bootstrap.install(extra="test")
    bootstrap.install(extra="")


def test_too_little_space_is_said_before_anything_is_made(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 2**30))
    assert bootstrap.main(["test"]) == 1
    assert "1.0 GB free" in capsys.readouterr().out
    assert not bootstrap.VENV.exists()


def test_missing_libraries_name_one_command_for_those_who_are_not_root(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = {"missing": ["libEGL.so.1"], "packages": ["libegl1"], "command": "sudo apt-get install -y libegl1"}
    monkeypatch.setattr(bootstrap, "_qt_report", lambda: report)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000, raising=False)
    with pytest.raises(bootstrap.Stop, match=r"libEGL\.so\.1") as caught:
        bootstrap.check_qt_libraries()
    assert "sudo apt-get install -y libegl1" in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":987"}, False),
        ({"DISPLAY": "localhost:10.0"}, True),
        ({"WAYLAND_DISPLAY": "w"}, True),
    ],
)
def test_a_screen_is_recognised(
    variables: dict[str, str], expected: bool, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert bootstrap.has_screen() is expected


def test_progress_names_the_package_and_how_much_of_it_is_there(progress: ModuleType) -> None:
    line = progress.Progress("Installing SegStudio")
    line.feed("Collecting torch==2.15.0 (from segstudio==0.1.0)\n")
    assert "looking up torch" in line.text
    line.feed("  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (890.1 MB)\n")
    assert line.started_large == "torch 2.15.0 (890.1 MB)"
    line.feed("Progress 445000000 of 890000000\n")
    assert line.text == "Installing SegStudio - torch 2.15.0 - 445 of 890 MB (50 %)"
    line.feed("Installing collected packages: a, b, c\n")
    assert line.text == "Installing SegStudio: unpacking 3 packages"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "WARNING: Retrying ... NewConnectionError: Temporary failure in name resolution",
            "does not reach the package",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for torch>=2.10", "There is no torch>=2.10 for this computer"),
        ("ERROR: something else", "something else"),
    ],
)
def test_a_failed_installation_is_one_clear_sentence(output: str, words: str, progress: ModuleType) -> None:
    assert words in progress.explain(output, Path("log.txt"))


def test_an_installation_that_fails_leaves_a_log_and_no_mark(progress: ModuleType, tmp_path: Path) -> None:
    installation = progress.Installation(Path(sys.executable), tmp_path / "log.txt", tmp_path / "unfinished")
    problem = installation.run(["--no-index", "--dry-run", "no-such-package"], "Installing")
    assert "There is no no-such-package" in problem
    assert "no-such-package" in (tmp_path / "log.txt").read_text()
    assert not (tmp_path / "unfinished").exists()
