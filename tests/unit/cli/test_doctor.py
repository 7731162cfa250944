"""The doctor names what is there, and for what is missing the reason and the remedy."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pytest

from segstudio.cli import doctor, qt_libraries

TORCH: dict[str, Any] = {
    "torch": "2.15.0", "torchvision": "0.29.2", "cuda_build": "13.2", "cuda": False, "threads": 2,
    "gpus": [], "mps_built": False, "mps": False,
}  # fmt: skip


def test_a_gpu_is_named_with_its_memory() -> None:
    found = doctor.device_finding({**TORCH, "cuda": True, "gpus": [["RTX 4070", 12 * 2**30]]}, "580.1", "linux")
    assert found.verdict == "good"
    assert "RTX 4070 (12 GB)" in found.text


@pytest.mark.parametrize(
    ("changes", "driver", "system", "reason", "fix"),
    [
        ({}, None, "linux", "No NVIDIA driver", "install its driver"),
        ({"cuda_build": None}, None, "win32", "build without CUDA", "install its driver"),
        ({"cuda_build": None}, "580.1", "linux", "build without CUDA", "Install a CUDA build"),
        ({}, "470.2", "linux", "470.2 is too old", "driver for CUDA 13.2"),
        ({}, None, "darwin", "built without Metal", "Apple-silicon"),
        ({"mps_built": True}, None, "darwin", "Metal is not available", "macOS"),
    ],
)
def test_why_no_gpu_is_used_and_the_fix(
    changes: dict[str, Any], driver: str | None, system: str, reason: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = doctor.device_finding({**TORCH, **changes}, driver, system)
    assert found.verdict == "note"
    assert found.text.startswith("CPU.")
    assert reason in found.text
    assert fix in found.fix


def test_a_library_that_crashes_while_loading_becomes_a_sentence() -> None:
    found = doctor.torch_finding(doctor.probe("import os; os.abort()"))
    assert found.verdict == "bad"
    assert "crashed with signal 6" in found.text or os.name == "nt"
    assert "pip install" in found.fix


def test_a_missing_library_is_named() -> None:
    assert "no_such_library" in doctor.probe("import no_such_library")["error"]


def test_a_library_that_hangs_is_given_up() -> None:
    assert "did not answer" in doctor.probe("import time; time.sleep(60)", timeout_s=0.5)["error"]


def test_no_screen_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, "missing_libraries", list)
    monkeypatch.setattr("sys.platform", "linux")
    assert doctor.qt_finding({"error": "crashed with signal 6", "log": ""}).verdict == "note"


def test_missing_libraries_give_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "missing_libraries", lambda: ["libxcb-cursor.so.0", "libEGL.so.1"])
    monkeypatch.setattr(qt_libraries, "_is_root", lambda: False)
    monkeypatch.setattr(qt_libraries.shutil, "which", lambda name: name if name == "apt-get" else None)
    found = doctor.qt_finding({"error": "crashed with signal 6", "log": ""})
    assert found.verdict == "bad"
    assert found.fix == "sudo apt-get install -y libegl1 libxcb-cursor0"


def test_other_distributions_install_by_library_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_libraries, "_is_root", lambda: True)
    monkeypatch.setattr(qt_libraries.shutil, "which", lambda name: name if name == "dnf" else None)
    assert qt_libraries.install_command(["libEGL.so.1"]) == "dnf install -y 'libEGL.so.1()(64bit)'"


def test_low_memory_and_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert doctor.memory_finding(8 * 2**30, 2**30).verdict == "note"
    assert str(tmp_path) in doctor.disk_finding(tmp_path / "not" / "yet").text


def test_the_report_is_json_and_bad_findings_decide_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [doctor.Finding("python", "good", "3.11"), doctor.Finding("torch", "bad", "broken", "mend it")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    namespace = parser.parse_args(["doctor", "--json"])
    assert namespace.run(namespace) == 4
    assert json.loads(capsys.readouterr().out)["findings"][1]["fix"] == "mend it"
    assert doctor.run(parser.parse_args(["doctor"])) == 4
    assert "→ mend it" in capsys.readouterr().out
