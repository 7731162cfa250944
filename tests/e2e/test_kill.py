"""The real program is killed while somebody paints: every action but at most the last is there again."""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.labels.history import Planes
from segstudio.project.project import Project

_PAINTING = Path(__file__).with_name("painting.py")
_ACTIONS = 60
_KILLS = 20
#: An action that ended this long before the kill must be back, seconds.
_DURABLE = 0.25


def _digest_function() -> Callable[[Planes], int]:
    spec = importlib.util.spec_from_file_location("painting", _PAINTING)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.digest


def _start(project: Path, log: Path) -> subprocess.Popen:
    command = [sys.executable, str(_PAINTING), str(project), str(log), str(_ACTIONS)]
    # Folders of its own: a remembered window layout would move the pixels under the mouse.
    own = {name: str(project / "user") for name in os.environ if name.startswith("XDG_") or name.endswith("APPDATA")}
    return subprocess.Popen(command, env={**os.environ, **own, "PYTHONFAULTHANDLER": "1"}, stderr=subprocess.PIPE)


def _lines(log: Path) -> list[tuple[int, float, int]]:
    if not log.exists():
        return []
    whole = log.read_text().rpartition("\n")[0].splitlines()
    return [(int(n), float(t), int(d)) for n, t, d in (line.split() for line in whole)]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    noise = np.random.default_rng(0).integers(0, 200, (256, 256), dtype=np.uint8)
    tifffile.imwrite(images / "a.tif", noise)
    project, problems = Project.create(tmp_path / "template", images)
    assert not problems
    project.close()
    return tmp_path / "template"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_program_loses_at_most_the_last_action(template: Path, tmp_path: Path) -> None:
    digest = _digest_function()
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    program = _start(whole, tmp_path / "whole.log")
    _, errors = program.communicate(timeout=120)
    assert program.returncode == 0, errors.decode()
    truth = {0: digest(_planes(template))} | {number: value for number, _, value in _lines(tmp_path / "whole.log")}
    assert len(truth) == _ACTIONS + 1
    assert len(set(truth.values())) > _ACTIONS // 2
    span = _lines(tmp_path / "whole.log")[-1][1] - _lines(tmp_path / "whole.log")[0][1]
    chance = random.Random(os.environ.get("SEGSTUDIO_SEED", "20"))
    moments = [chance.uniform(0, span) for _ in range(_KILLS)]

    def kill(number: int) -> str:
        project, log = tmp_path / f"p{number}", tmp_path / f"p{number}.log"
        shutil.copytree(template, project)
        program = _start(project, log)
        while not _lines(log) and program.poll() is None:
            time.sleep(0.01)
        time.sleep(moments[number])
        program.kill()
        killed = time.time()
        _, errors = program.communicate()
        done = _lines(log)
        assert done, errors.decode()
        found = digest(_planes(project))
        durable = max((number for number, at, _ in done if at <= killed - _DURABLE), default=0)
        possible = [number for number, value in truth.items() if value == found]
        shutil.rmtree(project)
        good = any(max(durable, len(done) - 1) <= number <= len(done) + 1 for number in possible)
        return "" if good else f"kill {number}: {durable} durable, {len(done)} finished, found the states {possible}"

    with ThreadPoolExecutor(2) as pool:
        lost = [sentence for sentence in pool.map(kill, range(_KILLS)) if sentence]
    assert not lost, lost


def _planes(folder: Path) -> Planes:
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        document.close()
        return document.planes
