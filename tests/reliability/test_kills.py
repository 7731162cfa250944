"""The real program is killed while somebody works: every action but at most the last is there again.

Meanwhile another program opens the label files, and never finds one that is not whole.
"""

import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from reliability.cases import Cases
from reliability.kill_sweep import PATIENCE, SIDE, Sweep, mask_of, truth_of
from reliability.killed_program import painting, starter, watched
from reliability.stand_in_stores import STORES, version

from segstudio.project.project import Project

_HERE = Path(__file__).parent


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a folder with images, masks beside them, a project of the images, and a mask elsewhere."""
    images, masks = tmp_path / "template" / "images", tmp_path / "template" / "masks"
    images.mkdir(parents=True)
    for number, name in enumerate(painting().IMAGES):
        noise = np.random.default_rng(number).integers(0, 200, (SIDE, SIDE), dtype=np.uint8)
        tifffile.imwrite(images / f"{name}.tif", noise)
    project, problems = Project.create(tmp_path / "template" / "p", images)
    assert not problems
    project.close()
    masks.mkdir()
    for name in painting().IMAGES:
        tifffile.imwrite(masks / f"{name}.tif", mask_of(name))
    tifffile.imwrite(tmp_path / "template" / "mask.tif", mask_of("c"))
    return tmp_path / "template"


@pytest.mark.slow
def test_killed_program_loses_at_most_the_last_action(
    template: Path,
    tmp_path: Path,
    cases: Cases,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    root = tmp_path / "kills"
    root.mkdir()
    with starter(root / "errors") as start, watched(root) as seen, ThreadPoolExecutor(2) as pool:
        sweep = Sweep(template, root, start, *truth_of(template, root, start), seed)
        lost, count = [], 0
        for _ in cases(merge=2, nightly=50, release=200, each=10):
            lost += [fault for fault in pool.map(sweep.kill, range(count, count + 10)) if fault]
            count += 10
    met = ", ".join(f"{deed} {number}" for deed, number in sorted(sweep.met.items()))
    words = f"met at work: {met}; {sweep.late.total()} more kills came when it was done"
    record_property("words", f"{words}; {seen['opens']} opens of label files by two readers")
    assert not lost, f"seed {seed}: {len(lost)} of {count}: {lost[:10]}"
    assert sum(sweep.met.values()) == count
    assert not seen["wrong"]
    assert seen["opens"] > 10 * count
    strange = {(name, value) for name, value in seen["seen"]} - sweep.allowed
    assert not strange, f"seed {seed}: another program saw pixels that never were: {strange}"


@pytest.mark.slow
@pytest.mark.parametrize("name", STORES)
def test_how_others_save_is_found_out_by_kills(tmp_path: Path, name: str, seed: int) -> None:
    _, load, harmed, _ = STORES[name]
    chance, bad = random.Random(seed), 0
    for number in range(60 if harmed else 12):  # harm is a matter of luck, and the computer may be slow
        if bad:
            break
        folder, log = tmp_path / str(number), tmp_path / f"{number}.log"
        folder.mkdir()
        with log.open("wb") as told:
            command = [sys.executable, str(_HERE / "stand_in_stores.py"), name, str(folder)]
            program = psutil.Popen(command, stdout=told)
        end = time.monotonic() + PATIENCE
        while not log.stat().st_size and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        program.kill()
        program.wait()
        last = len(log.read_text().rpartition("\n")[0].splitlines())
        try:
            found = load(folder)
        except (OSError, ValueError, EOFError):
            bad += 1
        else:
            size = found.size
            bad += not any(np.array_equal(found, version(number, size)) for number in (last, last + 1))
    assert (bad > 0) == harmed, "a kill did harm" if bad else "no kill did harm"
