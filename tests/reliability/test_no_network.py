"""A session of the real window reaches no other machine, and imports nothing out of a project or working folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories import write_pairs

from segstudio.project.project import Project

HERE = Path(__file__).resolve().parent
#: Modules that the program imports, early or late, and one that Python itself does.
PLANTED = (
    "torch", "numpy", "sitecustomize", "usercustomize", "tifffile", "imagecodecs", "PIL", "cv2", "scipy", "psutil",
    "pydantic", "safetensors", "platformdirs", "pyqtgraph", "json", "logging", "segstudio_plugin", "timm",
)  # fmt: skip

SESSION = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from window_driver import run_program

def script(hand):
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    hand.drag([(20.0, 20.0), (30.0, 30.0), (40.0, 20.0)])
    for entry in hand.session.project.images:
        hand.open_image(entry.name)
    hand.action("image.complete")
    hand.session.jobs.want_catalogue()
    hand.wait(lambda: hand.session.jobs.catalogue is not None, seconds=150, what="what the engine offers")

run_program([{project!r}], script)
"""


def plant(folder: Path) -> Path:
    """Lay modules and a plug-in into a folder that leave a mark when they are imported; return the mark."""
    mark = folder / "PWNED"
    for name in PLANTED:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write('{name} ')\nraise ImportError('planted')\n")
    info = folder / "planted-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[segstudio.readers]\nplanted = segstudio_plugin\n")
    return mark


def audited(log: Path, **more: str) -> dict[str, str]:
    """Return the environment of a session whose processes, all of them, write down what they reach for."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(HERE / "audited"), str(HERE.parents[1]))),
        "SEGSTUDIO_AUDIT_LOG": str(log),
        "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
        **more,
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "data", 2, (64, 64))
    folder = tmp_path / "data" / "project"
    Project.create(folder, [tmp_path / "data" / "images"])[0].close()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(250)
def test_a_session_reaches_nobody_and_imports_nothing_that_lies_about(project: Path, tmp_path: Path) -> None:
    mark, log, script = plant(project), tmp_path / "audit.txt", tmp_path / "session.py"
    script.write_text(SESSION.format(tests=str(HERE.parent), project=str(project)))
    done = subprocess.run(
        [sys.executable, "-P", str(script)], cwd=project, env=audited(log), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:].decode()
    lines = log.read_text().splitlines()
    listening = [line for line in lines if " listens " in line]
    assert any("confined images" in line for line in listening), "the process that decodes was not audited"
    assert any(" worker" in line for line in listening), "the worker was not audited"
    assert lines == listening, "\n".join(line for line in lines if line not in listening)
    assert not mark.exists(), mark.read_text()


@pytest.mark.parametrize("words", [("info", "a.tif"), ("--version",), ("catalogue", "--help")])
def test_a_command_in_a_strange_folder_imports_nothing_of_it(words: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "strange"
    folder.mkdir()
    write_pairs(tmp_path / "data", 1, (32, 32))
    image = next((tmp_path / "data" / "images").iterdir())
    (folder / "a.tif").write_bytes(image.read_bytes())
    mark = plant(folder)
    done = subprocess.run(
        [sys.executable, "-m", "segstudio", *words],
        cwd=folder,
        env=audited(tmp_path / "audit.txt"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not mark.exists(), mark.read_text()


def test_the_audit_notices_a_connection(tmp_path: Path) -> None:
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 0.1)\nexcept OSError: pass"
    log = tmp_path / "audit.txt"
    subprocess.run([sys.executable, "-c", code], env=audited(log), check=True)
    assert "socket.connect" in log.read_text()
