"""What may lie on a disk after a power cut: a disk that writes down its primitives, and the states that they allow.

The rules are those of POSIX, not those of one file system. The bytes of a file are safe from the sync of that file
on; a name is safe from the sync of its folder on. Of all else anything may have happened: names in the order in which
they were changed up to any of them (the ordered model), or any of them without the others (the weak one); bytes
missing, cut off anywhere, all zero, zero in places, or stray.
"""

import os
import random
import shutil
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from segstudio.io.disk import Disk

_SECTOR = 512
State = dict[str, tuple[bytes, int] | None]


@dataclass(frozen=True)
class Step:
    """One primitive as the disk saw it.

    Attributes
    ----------
    kind
        ``"names"``, ``"bytes"``, ``"cut"``, ``"sync"`` or ``"sync_folder"``.
    path
        What it was done to, when it was done: says in a report which step is meant.
    file
        Number of the file, whatever it is called.
    names
        Path → number of the file, ``None`` for a name that goes, 0 for a folder. All at once, or none.
    """

    kind: str
    path: str
    file: int = 0
    names: tuple[tuple[str, int | None], ...] = ()
    position: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class Mark:
    """What the program had begun, or had called safe, when so many steps were done."""

    at: int
    kind: str
    value: object


class Recorder(Disk):
    """A real disk that writes every primitive down; nothing below `root` may be there that it does not know.

    Attributes
    ----------
    dead
        The program was killed: whoever of its threads comes here ends.
    times
        Time of change of each file that was closed, nanoseconds.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dead = False
        self.times: dict[int, int] = {}
        self.steps: list[Step] = []
        self.marks: list[Mark] = []
        self._mutex = threading.RLock()
        self._names: dict[str, int] = {}
        self._open: dict[int, list[int]] = {}
        self._paths: dict[int, str] = {}
        self._files = 0

    def mark(self, kind: str, value: object = None) -> None:
        """Note that something was begun, or is called safe from now on."""
        with self._mutex:
            self.marks.append(Mark(len(self.steps), kind, value))

    @contextmanager
    def _alive(self) -> Iterator[None]:
        with self._mutex:
            if self.dead:
                raise SystemExit
            yield

    def last_names(self) -> dict[int, str]:
        """Return what each file is called now, or was at last."""
        return dict(self._paths)

    def create(self, path: Path) -> int:
        with self._alive():
            descriptor = super().create(path)
            self._open[descriptor] = [self._new(path), 0]
            return descriptor

    def open_again(self, path: Path) -> int:
        """Open a file for writing in place: no primitive of the program, but of others that are tried here."""
        with self._alive():
            descriptor = os.open(path, os.O_RDWR)
            self._open[descriptor] = [self._names[self._name(path)], 0]
            return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        with self._alive():
            super().write(descriptor, data)
            file, position = self._open[descriptor]
            self._log(Step("bytes", self._paths[file], file, position=position, data=bytes(data)))
            self._open[descriptor][1] += len(data)

    def truncate(self, descriptor: int, size: int) -> None:
        with self._alive():
            super().truncate(descriptor, size)
            file = self._open[descriptor][0]
            self._log(Step("cut", self._paths[file], file, position=size))

    def sync(self, descriptor: int) -> None:
        with self._alive():
            if descriptor not in self._open:  # the lock file, which the system opens
                self._adopt(descriptor)
            file = self._open[descriptor][0]
            self._log(Step("sync", self._paths[file], file))

    def sync_file(self, path: Path) -> None:
        with self._alive():
            file = self._names[self._name(path)]
            self._log(Step("sync", self._paths[file], file))

    def close(self, descriptor: int) -> None:
        with self._mutex:  # also of the dead: the system closes what they had open
            file, _ = self._open.pop(descriptor, (0, 0))
            self.times[file] = os.fstat(descriptor).st_mtime_ns
            super().close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        with self._alive():
            super().replace(source, target)
            old, new = self._name(source), self._name(target)
            file = self._names.pop(old)
            self._names[new] = file
            self._paths[file] = new
            self._log(Step("names", new, file, ((old, None), (new, file))))

    def link(self, source: Path, target: Path) -> None:
        with self._alive():
            super().link(source, target)  # type: ignore[misc]
            file, name = self._names[self._name(source)], self._name(target)
            self._names[name] = file
            self._log(Step("names", name, file, ((name, file),)))

    def unlink(self, path: Path) -> None:
        with self._alive():
            super().unlink(path)
            name = self._name(path)
            self._log(Step("names", name, self._names.pop(name), ((name, None),)))

    def make_folder(self, folder: Path) -> None:
        with self._alive():
            super().make_folder(folder)
            self._log(Step("names", self._name(folder), 0, ((self._name(folder), 0),)))

    def remove_folder(self, folder: Path) -> None:
        with self._alive():
            super().remove_folder(folder)
            self._log(Step("names", self._name(folder), 0, ((self._name(folder), None),)))

    def sync_folder(self, folder: Path) -> None:
        with self._alive():
            self._log(Step("sync_folder", self._name(folder)))

    def _adopt(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        file = self._names.get(self._name(path)) or self._new(path)
        self._open[descriptor] = [file, 0]
        data = os.pread(descriptor, 1 << 20, 0)
        self._log(Step("cut", self._paths[file], file, position=0))
        self._log(Step("bytes", self._paths[file], file, data=data))

    def _new(self, path: Path) -> int:
        self._files += 1
        name = self._name(path)
        self._names[name] = self._files
        self._paths[self._files] = name
        self._log(Step("names", name, self._files, ((name, self._files),)))
        return self._files

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _log(self, step: Step) -> None:
        self.steps.append(step)


@dataclass
class History:
    """The steps of a recording, arranged to make disks of them.

    Attributes
    ----------
    steps
        A step that is left out is ``None``: what was marked keeps its place.
    """

    steps: list[Step | None]
    marks: list[Mark]
    times: dict[int, int]
    _safe_from: dict[int, int] = field(default_factory=dict, init=False)
    _renames: list[int] = field(default_factory=list, init=False)
    _writes: dict[int, list[int]] = field(default_factory=dict, init=False)
    _syncs: dict[int, list[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        waiting: dict[str, list[int]] = {}
        missing: dict[int, int] = {}
        for index, step in enumerate(self.steps):
            if step is None:
                continue
            if step.kind == "names":
                self._renames.append(index)
                folders = {str(PurePosixPath(name).parent) for name, _ in step.names}
                missing[index] = len(folders)
                for folder in folders:
                    waiting.setdefault(folder, []).append(index)
            elif step.kind == "sync_folder":
                for earlier in waiting.pop(step.path, ()):
                    missing[earlier] -= 1
                    if not missing[earlier]:
                        self._safe_from[earlier] = index
            elif step.kind == "sync":
                self._syncs.setdefault(step.file, []).append(index)
            else:
                self._writes.setdefault(step.file, []).append(index)

    @classmethod
    def of(cls, disk: Recorder) -> "History":
        """Return what a disk has written down; a file is called in it as it was in the end."""
        called = disk.last_names()
        return cls(
            [replace(step, path=called.get(step.file, step.path)) for step in disk.steps],
            list(disk.marks),
            dict(disk.times),
        )

    def without(self, drop: Callable[[Step], bool]) -> "History":
        """Return the history of a program that does everything but some steps."""
        return replace(self, steps=[None if step is None or drop(step) else step for step in self.steps])

    def disk(self, at: int, chance: random.Random, model: str) -> State:
        """Return one legal disk after a power cut when `at` steps were done.

        Parameters
        ----------
        model
            ``"least"``: only what is safe. ``"most"``: all. ``"ordered"``, ``"weak"``: by chance.

        Returns
        -------
        Path → bytes and time of change, ``None`` for a folder.
        """
        named: dict[str, int] = {}
        for index in self._kept(at, chance, model):
            step = self.steps[index]
            assert step is not None
            for name, file in step.names:
                if file is None:
                    named.pop(name, None)
                else:
                    named[name] = file
        contents: dict[int, bytes] = {}
        found: State = {}
        for name in sorted(named, key=lambda text: text.count("/")):
            parent = str(PurePosixPath(name).parent)
            if parent != "." and (parent not in found or found[parent] is not None):
                continue  # the folder itself has no name
            file = named[name]
            if file and file not in contents:
                contents[file] = self._content(file, at, chance, model)
            found[name] = (contents[file], self.times.get(file, 0)) if file else None
        return found

    def _kept(self, at: int, chance: random.Random, model: str) -> list[int]:
        done = self._renames[: bisect_right(self._renames, at - 1)]
        if model == "most":
            return done
        safe = [index for index in done if self._safe_from.get(index, at) < at]
        if model == "least":
            return safe
        if model == "ordered":
            first = 1 + done.index(safe[-1]) if safe else 0
            return done[: chance.randint(first, len(done))]
        kept, share = set(safe), chance.choice((0.1, 0.5, 0.9))
        return [index for index in done if index in kept or chance.random() < share]

    def _content(self, file: int, at: int, chance: random.Random, model: str) -> bytes:
        writes = [index for index in self._writes.get(file, ()) if index < at]
        synced = max((index for index in self._syncs.get(file, ()) if index < at), default=-1)
        safe = self._written(b"", [index for index in writes if index < synced])
        loose = [index for index in writes if index > synced]
        if not loose or model == "least":
            return safe
        whole = self._written(safe, loose)
        if model == "most":
            return whole
        return _torn(safe, self._written(safe, loose[: chance.randint(1, len(loose))]), whole, chance)

    def _written(self, content: bytes, writes: list[int]) -> bytes:
        buffer = bytearray(content)
        for index in writes:
            step = self.steps[index]
            assert step is not None
            if step.kind == "cut":
                del buffer[step.position :]
            else:
                buffer += bytes(max(0, step.position - len(buffer)))
                buffer[step.position : step.position + len(step.data)] = step.data
        return bytes(buffer)


def _torn(safe: bytes, some: bytes, whole: bytes, chance: random.Random) -> bytes:
    """Return what may be left of `whole` when only `safe` was forced to the disk; `some` of it was written first."""
    kind = chance.choice(("none", "all", "some", "cut", "cut", "zero", "holes", "stray"))
    if kind in ("none", "all", "some"):
        return {"none": safe, "all": whole, "some": some}[kind]
    if kind == "cut":
        low, high = sorted((len(safe), len(whole)))
        return whole[: chance.randint(low, high)]
    if kind == "stray":
        return some + chance.randbytes(chance.randint(1, 2 * _SECTOR))
    result = bytearray(safe[: len(whole)].ljust(len(whole), b"\0"))
    if kind == "holes":
        for start in range(0, len(whole), _SECTOR):
            if chance.random() < 0.5:
                result[start : start + _SECTOR] = whole[start : start + _SECTOR]
    return bytes(result)


def build(disk: State, root: Path) -> None:
    """Make the folders and files of a state below `root`; what was there goes, but for links to the images."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif not path.is_symlink():
            path.unlink()
    base = str(root)
    for name, content in disk.items():
        if content is None:
            os.mkdir(f"{base}/{name}")  # noqa: PTH102 - some hundred times a second
        else:
            descriptor = os.open(f"{base}/{name}", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, content[0])
            os.utime(descriptor, ns=(content[1], content[1]))
            os.close(descriptor)
