"""Any order of actions, undos, restarts, kills and restores gives what plain arrays give, after every step."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image
from reliability.cases import Cases
from reliability.plain_model import Plain

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import Delete, Edit, EraseStroke, Fill, Merge, RegionFill, Relabel, Split, Stroke
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectTable
from segstudio.labels.restoring import restoration
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

_SHAPE = (24, 30)
_NAMES = ("a", "b")
_STEPS = 60
#: An id that no object has.
_NOBODY = 0

_LONG = st.floats(-2, _SHAPE[1] + 2, width=32)
coordinates = st.tuples(_LONG, _LONG)
paths = st.lists(coordinates, min_size=1, max_size=4)
diameters = st.sampled_from((2.0, 3.5, 6.0, 9.0))
class_ids = st.integers(1, 3)
picks = st.integers(0, 99)


_CHANGES = ("create", "write", "replace", "make_folder", "unlink", "truncate", "link", "remove_folder")


class MortalDisk(Disk):
    """A disk in memory, where nothing need be forced to a medium; who comes to it after its death ends."""

    def __init__(self) -> None:
        self.dead = False

    def __getattribute__(self, name: str) -> Any:
        if name in _CHANGES and object.__getattribute__(self, "dead"):
            raise SystemExit
        return super().__getattribute__(name)

    def sync(self, descriptor: int) -> None:
        """Done already, unless nothing is done any more."""
        if self.dead:
            raise SystemExit

    def sync_folder(self, folder: Path) -> None:
        """Done already, unless nothing is done any more."""
        if self.dead:
            raise SystemExit


class Annotating(RuleBasedStateMachine):
    """Two images of a project, and what their annotations should be."""

    def __init__(self) -> None:
        super().__init__()
        place = Path("/dev/shm")
        self.root = Path(tempfile.mkdtemp(dir=place if place.is_dir() else None))
        self.disk = MortalDisk()
        for number, name in enumerate(_NAMES):
            Image.fromarray(np.full(_SHAPE, 50 + number, np.uint8)).save(self.root / f"{name}.png")
        self.project, problems = Project.create(
            self.root / "p", [self.root / f"{n}.png" for n in _NAMES], disk=self.disk
        )
        assert not problems
        self.ids = {entry.stem: entry.id for entry in self.project.images}
        # Every state there was, by the number of the action that led to it.
        self.past: dict[str, dict[int, Plain]] = {name: {0: Plain.blank(_SHAPE)} for name in _NAMES}
        self.front = "a"

    @property
    def document(self) -> ImageDocument:
        return self.project.document(self.ids[self.front])

    @property
    def model(self) -> Plain:
        return self.past[self.front][self.document.seq]

    def act(self, edit: Edit, after: Plain) -> None:
        """Do `edit`, which should lead to `after`."""
        document, before = self.document, self.model
        known = document.seq
        document.apply(edit)
        assert document.seq - known == (after is not before), "an action that changes nothing is none"
        self.past[self.front][document.seq] = after

    def an_object(self, pick: int) -> int:
        """Return the id of an object, or one that no object has: what a kill leaves depends on the clock.

        Hypothesis must not be told by ``assume``: it takes the same choices for the same case.
        """
        ids = sorted(self.model.objects) or [_NOBODY]
        return ids[pick % len(ids)]

    @rule(points=paths, diameter=diameters, class_id=class_ids, protect=st.booleans(), pick=picks)
    def paint(
        self, points: list[tuple[float, float]], diameter: float, class_id: int, protect: bool, pick: int
    ) -> None:
        ids = sorted(self.model.objects)
        object_id = ids[pick % len(ids)] if ids and pick % 3 == 0 else self.document.planes.objects.next_id()
        assert object_id in ids or all(object_id not in state.objects for state in self.past[self.front].values())
        after = self.model.stroke(points, diameter, object_id, class_id, protect)
        self.act(Stroke(np.array(points), diameter, object_id, class_id, protect), after)

    @rule(points=paths, diameter=diameters, pick=st.none() | picks)
    def erase(self, points: list[tuple[float, float]], diameter: float, pick: int | None) -> None:
        only = None if pick is None else self.an_object(pick)
        if only == _NOBODY:
            return
        self.act(EraseStroke(np.array(points), diameter, only), self.model.erase(points, diameter, only))

    @rule(x=st.integers(0, _SHAPE[1] - 1), y=st.integers(0, _SHAPE[0] - 1), class_id=class_ids)
    def fill(self, x: int, y: int, class_id: int) -> None:
        new = self.document.planes.objects.next_id()
        after = self.model.fill(x, y, new, class_id)
        edit = Fill((x + 0.5, y + 0.5), new, class_id)
        if after is None:
            known = self.document.seq
            with pytest.raises(UserError):
                self.document.apply(edit)
            assert self.document.seq == known
        else:
            self.act(edit, after)

    @rule(first=picks, second=picks)
    def merge(self, first: int, second: int) -> None:
        ids = (self.an_object(first), self.an_object(second))
        if _NOBODY in ids:
            return
        self.act(Merge(ids), self.model.merge(ids))

    @rule(pick=picks, line=st.lists(coordinates, min_size=2, max_size=3))
    def split(self, pick: int, line: list[tuple[float, float]]) -> None:
        object_id, before, known = self.an_object(pick), self.model, self.document.seq
        if object_id == _NOBODY:
            return
        self.document.apply(Split(object_id, np.array(line)))
        after = before.split_into(object_id, self.document.planes.labels.to_array())
        assert (after is before) == (self.document.seq == known)
        self.past[self.front][self.document.seq] = after

    @rule(pick=picks, more=st.booleans())
    def delete(self, pick: int, more: bool) -> None:
        ids = tuple(sorted(self.model.objects)) if more else (self.an_object(pick),)
        if _NOBODY in ids:
            return
        self.act(Delete(ids), self.model.delete(ids))

    @rule(pick=picks, class_id=class_ids)
    def relabel(self, pick: int, class_id: int) -> None:
        ids = (self.an_object(pick),)
        if _NOBODY in ids:
            return
        self.act(Relabel(ids, class_id), self.model.relabel(ids, class_id))

    @rule(value=st.integers(0, 2))
    def mark(self, value: int) -> None:
        self.act(RegionFill(None, value), self.model.mark(value))

    @rule(times=st.integers(1, 4))
    def undo(self, times: int) -> None:
        for _ in range(times):
            before, document = self.model, self.document
            after = before.undo()
            assert (document.undo() is not None) == (after is not before)
            self.past[self.front][document.seq] = after

    @rule(times=st.integers(1, 4))
    def redo(self, times: int) -> None:
        for _ in range(times):
            before, document = self.model, self.document
            after = before.redo()
            assert (document.redo() is not None) == (after is not before)
            self.past[self.front][document.seq] = after

    @rule(close=st.booleans())
    def switch(self, close: bool) -> None:
        if close:
            assert self.document.close()
        self.front = _NAMES[1 - _NAMES.index(self.front)]

    @rule(wait=st.booleans())
    def checkpoint(self, wait: bool) -> None:
        document = self.document
        if document.checkpoint(wait=wait) and wait:
            files, model = document.files, self.model
            labels = read_label_tiff(files.labels) if files.labels.exists() else document.planes.labels
            assert np.array_equal(labels.to_array(), model.labels)
            assert (read_objects(files.objects)[0] if files.objects.exists() else {}) == model.objects

    @rule()
    def restart(self) -> None:
        assert self.project.close()
        self.project = Project.open(self.root / "p", disk=self.disk)
        assert not self.project.warnings

    @rule(flushed=st.booleans())
    def kill(self, flushed: bool) -> None:
        safe = {}
        for name, image_id in self.ids.items():
            if self.project.is_open(image_id):
                document = self.project.document(image_id)
                safe[name] = document.seq if flushed and document.flush() else 0
        last = {name: self.project.document(self.ids[name]).seq for name in safe}
        self._die()
        self.project = Project.open(self.root / "p", disk=self.disk)
        for name, seq in safe.items():
            found = self.project.document(self.ids[name]).seq
            assert seq <= found <= last[name], f"{found} actions of {last[name]} are back, {seq} were safe"
            self.past[name] = {number: state for number, state in self.past[name].items() if number <= found}

    def _die(self) -> None:
        self.disk.dead = True
        lock = self.project._lock  # it is given back by the thread that saves last, which is dead then
        with suppress(SystemExit):
            self.project.close()  # its threads end at the first thing that they want to write
        if lock is not None:
            lock.release(clean=False)
        self.disk = MortalDisk()

    @precondition(lambda self: self.document.snapshots is not None)
    @rule(pick=picks)
    def restore(self, pick: int) -> None:
        document = self.document
        assert document.checkpoint(wait=True)
        kept = document.snapshots.all()
        if not kept:
            return
        snapshot = kept[pick % len(kept)]
        wanted, before = self.past[self.front][snapshot.seq], self.model
        planes = document.planes
        now = Planes(planes.labels.snapshot(), planes.regions.snapshot(), ObjectTable(dict(planes.objects)))
        found = restoration(now, document.snapshots.read(snapshot.number, now))
        assert (found is None) == wanted.same(before)
        if found is not None:
            assert document.restore(found, document.seq) is not None
            after = Plain(wanted.labels, wanted.regions, wanted.objects, (*before.done, before))
            self.past[self.front][document.seq] = after

    @invariant()
    def as_the_plain_model(self) -> None:
        document, model = self.document, self.model
        planes = document.planes
        assert np.array_equal(planes.labels.to_array(), model.labels)
        assert np.array_equal(planes.regions.to_array(), model.regions)
        assert dict(planes.objects) == model.objects
        assert (document.can_undo, document.can_redo) == (bool(model.done), bool(model.undone))
        assert document.notices == []

    def teardown(self) -> None:
        self.project.close()
        shutil.rmtree(self.root)


@pytest.mark.slow
def test_any_order_of_actions_gives_what_plain_arrays_give(cases: Cases, seed: int) -> None:
    for number in cases(merge=1, nightly=100, release=100, each=200):
        try:
            run_state_machine_as_test(
                drawn_from(seed + number)(Annotating),
                settings=settings(
                    max_examples=200,
                    stateful_step_count=_STEPS,
                    deadline=None,
                    database=None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except BaseException as problem:
            problem.add_note(f"seed {seed + number}")
            raise


def test_a_thousand_actions_are_undone_and_redone_across_restarts(tmp_path: Path) -> None:
    Image.fromarray(np.zeros(_SHAPE, np.uint8)).save(tmp_path / "a.png")
    project, _ = Project.create(tmp_path / "p", tmp_path / "a.png")
    (image_id,) = (entry.id for entry in project.images)
    chance = np.random.default_rng(0)
    states = [Plain.blank(_SHAPE)]

    def now() -> Plain:
        planes = project.document(image_id).planes
        return Plain(planes.labels.to_array(), planes.regions.to_array(), dict(planes.objects))

    while len(states) <= 1_000:
        points = chance.uniform(0, 24, (2, 2))
        new = project.document(image_id).planes.objects.next_id()
        if project.document(image_id).apply(Stroke(points, 3, new, protect=False)) is not None:
            states.append(now())
    for step in (-1, 1):
        project.close()
        project = Project.open(tmp_path / "p")
        document = project.document(image_id)
        for state in states[:-1][::-1] if step < 0 else states[1:]:
            assert (document.undo() if step < 0 else document.redo()) is not None
            assert now().same(state)
    project.close()
