"""Experiment 15: whichever single bit of a project flips, the right file is named and nothing else is harmed."""

import os
import random
import shutil
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import tifffile
from golden.make_project import digest
from reliability.cases import Cases

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, EraseStroke, RegionFill, Relabel, Stroke
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SIZE = 24
#: Opening and saving takes longer than verifying: done for one flip in so many.
OPENED_EVERY = 20
KINDS = {
    "manifest": ("project.json", "project.json.bak"),
    "labels": ("labels/*.tif",),
    "regions": ("regions/*.tif",),
    "objects": ("labels/*.json",),
    "journal": (".segstudio/journal/*/*.sj",),
    "sums": (".segstudio/sums/*.json",),
}


@dataclass(frozen=True)
class Made:
    """A project, the files of each kind, and what each image holds."""

    folder: Path
    kinds: dict[str, list[Path]]
    truth: dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("flips")
    for number in range(2):
        pixels = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE) + number
        tifffile.imwrite(folder / f"{number}.tif", pixels)
    project, _ = Project.create(folder / "project", [folder / "0.tif", folder / "1.tif"])
    project.set_classes(project.classes.add("debris"))
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(Stroke([(5.0, 5.0), (9.0, 5.0)], 4, 1))
        document.apply(Stroke([(5.0, 15.0), (9.0, 15.0)], 5, 2))
        document.apply(RegionFill(Window(0, 0, 12, 12), 1))
        assert document.checkpoint(wait=True)
        document.apply(Relabel((2,), 2))
        document.apply(EraseStroke([(5.0, 15.0)], 2))
        document.undo()
        document.apply(Delete((1,)))
        document.undo()
        document.redo()
        document.apply(Stroke([(15.0, 15.0)], 5, 3))
    assert project.close()
    # A second session: a journal of two files.
    with Project.open(folder / "project") as again:
        for entry in again.images:
            again.document(entry.id).apply(Stroke([(20.0, 4.0)], 4, 7, class_id=2))
        truth = {entry.id: digest(again.document(entry.id)) for entry in again.images}
    root = folder / "project"
    kinds = {kind: sorted(path for glob in globs for path in root.glob(glob)) for kind, globs in KINDS.items()}
    assert all(kinds.values()), kinds
    assert verify_project(root).findings == ()
    return Made(root, kinds, truth)


def flips_of(made: Made, seed: int) -> list[tuple[str, Path, int]]:
    """Return kind, file and number of every bit there is, in any order, the kinds in turn while there are some."""
    of_kinds = []
    for kind, paths in made.kinds.items():
        bits = [(kind, path, bit) for path in paths for bit in range(8 * path.stat().st_size)]
        random.Random(seed).shuffle(bits)
        of_kinds.append(bits)
    return [flip for turn in zip_longest(*of_kinds) for flip in turn if flip is not None]


def flip(path: Path, bit: int) -> None:
    """Flip one bit as a bad disk does: nobody has written the file, its time stays."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.slow
def test_every_flipped_bit_is_found_in_its_file(made: Made, tmp_path: Path, cases: Cases, seed: int) -> None:
    flips = flips_of(made, seed)
    for number in cases(merge=2_000, nightly=len(flips), release=len(flips)):
        kind, path, bit = flips[number]
        where = f"{kind}: bit {bit} of {path.relative_to(made.folder)} (seed {seed})"
        kept, stat = path.read_bytes(), path.stat()
        flip(path, bit)
        try:
            report = verify_project(made.folder)
        finally:
            path.write_bytes(kept)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        named = {item.file for item in report.findings}
        assert named == {path.relative_to(made.folder).as_posix()}, where
        assert report.damage, where
        if number % OPENED_EVERY == 0:
            check_opening(made, tmp_path / str(number), path, bit, where)


def check_opening(made: Made, copy: Path, path: Path, bit: int, where: str) -> None:
    """Open the project with the flipped bit: every image is as it was, and what was made anew is as before."""
    shutil.copytree(made.folder.parent, copy)
    folder = copy / made.folder.name
    damaged = folder / path.relative_to(made.folder)
    flip(damaged, bit)
    broken = damaged.read_bytes()
    with Project.open(folder) as project:
        assert {entry.id for entry in project.images} == made.truth.keys(), where
        assert project.classes.names == ("cell", "debris"), where
        for image_id, truth in made.truth.items():
            assert digest(project.document(image_id)) == truth, where
    if damaged.parent.name in ("labels", "regions"):
        after = damaged.read_bytes()
        assert after in (broken, path.read_bytes()), where
        if after != broken:
            kept = [item.read_bytes() for item in damaged.parent.glob("*.foreign-*")]
            assert broken in kept, f"the damaged file was thrown away: {where}"
    with Project.open(folder, read_only=True) as again:
        for image_id, truth in made.truth.items():
            assert digest(again.document(image_id)) == truth, f"after it was saved again: {where}"
    shutil.rmtree(copy)


@pytest.mark.parametrize("kind", ["labels", "objects", "regions"])
def test_a_damaged_file_is_made_anew_from_the_journal(made: Made, tmp_path: Path, kind: str) -> None:
    shutil.copytree(made.folder.parent, tmp_path / "copy")
    folder = tmp_path / "copy" / made.folder.name
    path = folder / made.kinds[kind][0].relative_to(made.folder)
    good = path.read_bytes()
    # In the middle of the pixels, or in the class of an object.
    place = good.index(b'"class": ') + 9 if kind == "objects" else len(good) - 40
    flip(path, 8 * place + 1)
    with Project.open(folder) as project:
        (image_id,) = (entry.id for entry in project.images if entry.stem == path.stem)
        document = project.document(image_id)
        assert digest(document) == made.truth[image_id]
        assert any(path.name in notice for notice in document.notices)
    assert path.read_bytes() == good
    assert verify_project(folder).findings == ()
