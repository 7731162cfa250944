"""A session with a project on a disk that writes everything down, and the judge of what a power cut leaves of it."""

import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from reliability.crash_states import History, Recorder, State, build

from segstudio.core.errors import BadInput, UserError
from segstudio.core.tiles import Window
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import Disk
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import Delete, Edit, EraseStroke, Fill, Merge, Polygon, RegionFill, Relabel, Split, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.project.checksums import read_sums
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import BACKUP
from segstudio.project.project import Project

SHAPE = (16, 18)
#: Images that are painted, and one that gets its labels from a mask.
PAINTED = ("a", "b")
MASKED = "c"
_BLANK = (zlib.crc32(np.zeros(SHAPE, np.int32).tobytes()), zlib.crc32(np.zeros(SHAPE, np.uint8).tobytes()), ())
Drawn = tuple[int, int, tuple[object, ...]]
#: Oldest and newest state that may be left, oldest in the published files, and how many snapshots were kept.
Bounds = tuple[int, int, int, int]


def table_of(objects: dict[int, ObjectInfo]) -> tuple[object, ...]:
    """Return an object table as something that can be compared."""
    return tuple(sorted((key, info.class_id, info.source, info.state) for key, info in objects.items()))


def state_of(document: ImageDocument) -> Drawn:
    """Return what is drawn."""
    planes = document.planes
    labels, regions = (zlib.crc32(plane.to_array().tobytes()) for plane in (planes.labels, planes.regions))
    return labels, regions, table_of(dict(planes.objects))


def stacks_of(document: ImageDocument) -> tuple[int, int]:
    """Return how much can be undone and redone."""
    return len(document.history.entries()), len(document.history.undone())


def make_images(folder: Path) -> Path:
    """Write the images of the project and the mask; return the mask."""
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in (*PAINTED, MASKED):
        Image.fromarray(rng.integers(0, 200, SHAPE, dtype=np.uint8)).save(folder / "images" / f"{name}.png")
    mask = np.zeros(SHAPE, np.uint16)
    mask[2:6, 2:6], mask[8:12, 3:9] = 1, 300
    tifffile.imwrite(folder / "mask.tif", mask)
    return folder / "mask.tif"


@dataclass
class Truth:
    """What was true after each action; the states of an image count from 0, which is blank."""

    states: dict[str, list[Drawn]] = field(default_factory=lambda: {name: [_BLANK] for name in (*PAINTED, MASKED)})
    stacks: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {name: [(0, 0)] for name in (*PAINTED, MASKED)}
    )
    reviewed: list[frozenset[str]] = field(default_factory=lambda: [frozenset()])


class Session:
    """Works in a project by a script, and marks on the disk what is begun and what is called safe."""

    def __init__(self, root: Path, seed: int, disk: Recorder) -> None:
        self.disk = disk
        self.truth = Truth()
        self._random = random.Random(seed)
        self._folder = root / "p"
        self._mask = root.parent / "mask.tif"
        self._images = root.parent / "images"

    def work(self) -> None:
        """Create, paint, close; come back, paint, be killed; come back to what the journal has."""
        self.disk.mark("begun", ("project", 1))
        project, problems = Project.create(self._folder, self._images, disk=self.disk)
        assert not problems
        self.disk.mark("durable", ("project", 1))
        with project:
            self._paint(project, "a", 8)
            self._review(project, "a")
            self._paint(project, "b", 5)
            self._take_mask(project)
        self._closed()
        with Project.open(self._folder, disk=self.disk) as project:
            self._paint(project, "a", 6, close=False)
            self._review(project, "b")
            self._replace_much(project, "a")
            self._paint(project, MASKED, 4)
            self._paint(project, "b", 6, close=False)
        self._closed()
        self.die()
        with Project.open(self._folder, disk=self.disk) as project:
            for image_id in project.behind:
                project.catch_up(image_id)
            self._paint(project, "a", 3)
        self._closed()

    def die(self) -> None:
        """Work and end without closing anything."""
        project = Project.open(self._folder, disk=self.disk)
        document = self._paint(project, "a", 3, close=False, publish=False)
        self.disk.dead = True
        document.close()  # its threads end at the first step that they want to do
        project._lock.release(clean=False)  # type: ignore[union-attr]
        self.disk.dead = False

    def _paint(
        self, project: Project, name: str, count: int, *, close: bool = True, publish: bool = True
    ) -> ImageDocument:
        document = project.document(next(entry.id for entry in project.images if entry.stem == name))
        states = self.truth.states[name]
        for _ in range(count):
            self._do(document, lambda: self._act(document))
            if self._random.random() < 0.8:
                assert document.flush()
                self.disk.mark("durable", (name, len(states) - 1))
            if publish and self._random.random() < 0.4:
                wait = self._random.random() < 0.6
                if document.checkpoint(wait=wait) and wait:
                    self.disk.mark("durable", (name, len(states) - 1))
                    self.disk.mark("published", (name, len(states) - 1))
        assert document.flush()
        self.disk.mark("durable", (name, len(states) - 1))
        if close:
            assert document.close()
            self.disk.mark("published", (name, len(states) - 1))
        return document

    def _replace_much(self, project: Project, name: str) -> None:
        """Add so many objects at once that the state before is kept as a snapshot."""
        document = project.document(next(entry.id for entry in project.images if entry.stem == name))
        many = np.kron(np.arange(1, 73).reshape(8, 9), np.ones((2, 2), np.int32))
        infos = dict.fromkeys(range(1, 73), ObjectInfo(source="model"))
        self._do(document, lambda: document.apply(PasteLabels(many, Window.whole(SHAPE), infos, only_empty=False)))
        assert document.checkpoint(wait=True)
        assert document.snapshots is not None
        kept = len(document.snapshots.all())
        assert kept
        self.disk.mark("kept", (name, kept))
        self.disk.mark("published", (name, len(self.truth.states[name]) - 1))

    def _do(self, document: ImageDocument, act: Callable[[], object]) -> None:
        name = document.entry.stem
        states, stacks = self.truth.states[name], self.truth.stacks[name]
        self.disk.mark("begun", (name, len(states)))
        act()
        states.append(state_of(document))
        stacks.append(stacks_of(document))

    def _act(self, document: ImageDocument) -> None:
        choice = self._random.random()
        if choice < 0.15 and document.can_undo:
            document.undo()
        elif choice < 0.25 and document.can_redo:
            document.redo()
        else:
            with suppress(UserError):  # a fill that no outline encloses
                if document.apply(self._edit(document)) is not None:
                    return
            document.apply(RegionFill(None, 1 + (document.planes.regions.value(0, 0) == 1)))

    def _edit(self, document: ImageDocument) -> Edit:
        chance, ids = self._random, sorted(document.planes.objects)
        points = np.array([[chance.uniform(0, SHAPE[1]), chance.uniform(0, SHAPE[0])] for _ in range(3)])
        new = document.planes.objects.next_id()
        edits: list[Callable[[], Edit]] = [lambda: Stroke(points, 4, new), lambda: Polygon(points * 1.3 - 2, new)]
        if ids:
            one = chance.choice(ids)
            edits += [
                lambda: EraseStroke(points, 3),
                lambda: Delete((one,)),
                lambda: Relabel((one,), 1 + document.planes.objects[one].class_id % 2),
                lambda: Split(one, points[:2]),
                lambda: Merge((one, ids[0])),
                lambda: Fill((points[0][0], points[0][1]), one),
            ]
        return chance.choice(edits)() if chance.random() < 0.9 else RegionFill(None, chance.randint(0, 2))

    def _review(self, project: Project, name: str) -> None:
        reviewed = self.truth.reviewed
        self.disk.mark("begun", ("reviewed", len(reviewed)))
        reviewed.append(reviewed[-1] | {name})
        project.set_reviewed(next(entry.id for entry in project.images if entry.stem == name))
        project.save()
        self.disk.mark("durable", ("reviewed", len(reviewed) - 1))

    def _take_mask(self, project: Project) -> None:
        image = next(entry.id for entry in project.images if entry.stem == MASKED)
        labels = np.asarray(tifffile.imread(self._mask), np.int32)
        info = ObjectInfo(source="import", state="accepted")
        self.disk.mark("begun", (MASKED, 1))
        full = zlib.crc32(np.ones(SHAPE, np.uint8).tobytes())
        self.truth.states[MASKED].append((zlib.crc32(labels.tobytes()), full, table_of({1: info, 300: info})))
        self.truth.stacks[MASKED].append((1, 0))
        assert not project.import_masks(masks={image: self._mask})
        self.disk.mark("durable", (MASKED, 1))
        self.disk.mark("published", (MASKED, 1))

    def _closed(self) -> None:
        for name, states in self.truth.states.items():
            self.disk.mark("published", (name, len(states) - 1))
        self.disk.mark("durable", ("reviewed", len(self.truth.reviewed) - 1))


class Judge:
    """Says what is wrong with a disk after a power cut; the true recovery is part of the judgement.

    An image is brought back from its own files and the lock alone: one that lies there as in an earlier case, with
    the same history behind it, is not brought back once more.
    """

    def __init__(self, history: History, truth: Truth, root: Path) -> None:
        self._history = history
        self._truth = truth
        self._root = root
        self._read: dict[tuple[str, bytes], object] = {}
        self._judged: dict[object, str] = {}
        self._ids: dict[str, str] = {}
        self.recovered = 0
        """Number of disks on which the program was started."""

    def bounds(self, at: int) -> dict[str, Bounds]:
        """Return for each thing what had been begun and called safe when so many steps were done."""
        found = {name: [0, 0, 0, 0] for name in ("project", "reviewed", *PAINTED, MASKED)}
        for mark in self._history.marks:
            if mark.at > at:
                break
            name, number = mark.value  # type: ignore[misc]
            place = {"durable": 0, "begun": 1, "published": 2, "kept": 3}[mark.kind]
            found[name][place] = max(found[name][place], number)
        return {name: (low, max(low, high), files, kept) for name, (low, high, files, kept) in found.items()}

    def verdict(self, at: int, disk: State) -> str:
        """Return what is wrong with `disk`, cut when `at` steps were done; ``""`` for nothing."""
        bounds = self.bounds(at)
        keys = self._parts(disk, bounds)
        if fresh := {part for part, key in keys.items() if key not in self._judged}:
            build(disk, self._root)
            self.recovered += 1
            faults = self._faults(bounds, self._root / "p", fresh)
            for part in fresh:
                self._judged[keys[part]] = faults.get(part, "")
        return next(filter(None, (self._judged[key] for key in keys.values())), "")

    def _parts(self, disk: State, bounds: dict[str, Bounds]) -> dict[str, tuple[object, ...]]:
        parts: dict[str, set[tuple[str, object]]] = {name: set() for name in ("", *PAINTED, MASKED)}
        for path, content in disk.items():
            words = path.replace(".", "/").split("/")
            owner = next((name for name in (*PAINTED, MASKED) if {name, self._ids.get(name)} & set(words)), "")
            parts[owner].add((path, content))
        common = "p/.segstudio/lock" in disk and bool(disk["p/.segstudio/lock"][0]), "p/project.json" in disk
        return {
            part: (part, bounds["project"], bounds[part] if part else bounds["reviewed"], common, frozenset(files))
            for part, files in parts.items()
        }

    def _faults(self, bounds: dict[str, Bounds], folder: Path, parts: set[str]) -> dict[str, str]:
        found = {part: next(self._unreadable(part, bounds[part], folder), "") for part in parts - {""}}
        sums = [folder / ".segstudio" / "sums" / f"{self._ids.get(part, '_project')}.json" for part in sorted(parts)]
        found |= {part: word for part, path in zip(sorted(parts), sums, strict=True) if (word := _damage_of_sums(path))}
        try:
            project = Project.open(folder, disk=NoSync())
        except UserError as error:
            if bounds["project"][0] or error.code != "no-project":
                found[""] = f"the project cannot be opened: {error}"
            return found
        with project:
            self._ids = {entry.stem: entry.id for entry in project.images}
            if bounds["project"][0] and "" in parts:
                found[""] = found.get("") or next(self._manifest(project, bounds["reviewed"], folder), "")
            for part in parts - {""}:
                found[part] = found[part] or next(self._image(project, part, bounds[part], folder), "")
        return found

    def _manifest(self, project: Project, bounds: Bounds, folder: Path) -> Iterator[str]:
        yield from map(str, project.warnings)
        with suppress(FileNotFoundError):
            if not (folder / BACKUP).read_bytes().endswith(b"]\n}\n"):
                yield f"{BACKUP} is no whole file"
        reviewed = frozenset(entry.stem for entry in project.images if entry.reviewed)
        low, high, *_ = bounds
        if reviewed not in self._truth.reviewed[low : high + 1]:
            yield f"the images {sorted(reviewed)} are reviewed, wanted state {low} to {high}"
        yield from (
            f"{path} is left" for place in ("", "labels", "regions") for path in (folder / place).glob(f"{TEMP_MARK}*")
        )

    def _image(self, project: Project, name: str, bounds: Bounds, folder: Path) -> Iterator[str]:
        image_id, told = self._ids[name], list[str]()
        if image_id in project.behind:
            project.catch_up(image_id, told.append)
            yield from self._unreadable(name, bounds, folder, caught_up=True)
        elif bounds[0]:
            yield from self._unreadable(name, bounds, folder, caught_up=True)
        if not bounds[1]:
            return
        document = project.document(image_id)
        yield from self._shown(document, name, bounds, [*told, *document.notices])

    def _shown(self, document: ImageDocument, name: str, bounds: Bounds, told: list[str]) -> Iterator[str]:
        low, high, _, kept = bounds
        # Of records that were being written some may be there and others before them not, or none: the program says so.
        hole = high > low and any("is damaged" in notice for notice in told)
        notices = [notice for notice in told if "could not be restored" not in notice]
        if notices := [notice for notice in notices if not (hole and "is damaged" in notice)]:
            yield f"{name}: {notices}"
        for snapshot in document.snapshots.all() if document.snapshots is not None else ():
            with suppress(BadInput):
                document.snapshots.read(snapshot.number)
                continue
            yield f"the snapshot {snapshot.number} of {name} is offered, and damaged"
        if document.snapshots is not None and len(document.snapshots.all()) < kept:
            yield f"{name} has lost a snapshot"
        found = state_of(document)
        fitting = [number for number in range(low, high + 1) if self._truth.states[name][number] == found]
        if hole and high - low > 1:  # a later action was done whole, or not at all
            if not all(self._between(name, place, low, high, found[place]) for place in range(3)):
                yield f"{name} is no mixture of the states {low} to {high}: {found}"
        elif not fitting:
            yield f"{name} is in no state from {low} to {high}: {found}"
        elif not hole and stacks_of(document) not in [self._truth.stacks[name][number] for number in fitting]:
            yield f"{name}: {stacks_of(document)} actions can be undone and redone"

    def _unreadable(self, name: str, bounds: Bounds, folder: Path, *, caught_up: bool = False) -> Iterator[str]:
        low, high, files, _ = bounds
        first = low if caught_up else files
        for place, path in enumerate((f"labels/{name}.tif", f"regions/{name}.tif", f"labels/{name}.json")):
            found = self._content(folder / path, place)
            if not self._between(name, place, first, high, found):
                words = "after catching up" if caught_up else "as it lies there"
                yield f"{path} {words}, wanted state {first} to {high}: {found}"

    def _between(self, name: str, place: int, first: int, last: int, found: object) -> bool:
        """Whether a file holds one of these states, or rows of an object table that are in several of them."""
        states = [state[place] for state in self._truth.states[name][first : last + 1]]
        if place < 2 or last - first < 2 or not isinstance(found, tuple):
            return found in states
        rows = [set(state) for state in states if isinstance(state, tuple)]
        return set.intersection(*rows) <= set(found) <= set.union(*rows)

    def _content(self, path: Path, place: int) -> object:
        """Return what a file holds, as other programs read it; a missing one is blank."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return _BLANK[place]
        key = path.suffix, raw
        if key not in self._read:
            self._read[key] = _read_file(path, place)
        return self._read[key]


def _damage_of_sums(path: Path) -> str:
    try:
        read_sums(path)
    except BadInput as error:
        return str(error)
    return ""


def _read_file(path: Path, place: int) -> object:
    if place == 2:
        try:
            return table_of(read_objects(path)[0])
        except UserError as error:
            return str(error)
    try:
        own = read_label_tiff(path, np.int32 if place == 0 else np.uint8, SHAPE).to_array()
        others = tifffile.imread(path)
    except (UserError, ValueError, OSError, tifffile.TiffFileError) as error:
        return str(error)
    return zlib.crc32(own.tobytes()) if np.array_equal(own, others) else "read in two ways"


class NoSync(Disk):
    """The real disk in memory, where there is nothing to wait for."""

    def sync(self, descriptor: int) -> None:
        """Done already."""

    def sync_folder(self, folder: Path) -> None:
        """Done already."""
