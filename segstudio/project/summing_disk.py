"""A disk that sums the bytes of files while they are written, and writes the sums down before a file is replaced."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from segstudio.io.disk import Disk, OtherDisk
from segstudio.project.checksums import DIGEST_SIZE, Sum, Sums


@dataclass
class _Temp:
    path: Path
    digest: "hashlib.blake2b" = field(default_factory=lambda: blake2b(digest_size=DIGEST_SIZE))
    size: int = 0


class SummingDisk(OtherDisk):
    """A disk that writes the sum of a file down before the file is replaced.

    Parameters
    ----------
    disk
        Does the work.
    sums
        Where to. Files that it does not keep, as copies of foreign ones, are not `wanted`.
    wanted
        Paths of which sums are kept.

    Attributes
    ----------
    seq
        Last action in what is written next.
    """

    def __init__(self, disk: Disk, sums: Sums, wanted: tuple[Path, ...]) -> None:
        super().__init__(disk)
        self._sums = sums
        self._wanted = frozenset(wanted)
        self._temps: dict[int, _Temp] = {}
        self._written: dict[Path, _Temp] = {}
        self._named: set[Path] = set()
        self.seq = 0

    def create(self, path: Path) -> int:
        """Create a file, and begin its sum."""
        descriptor = self._inner.create(path)
        self._temps[descriptor] = _Temp(path)
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        """Write, and go on with the sum."""
        self._inner.write(descriptor, data)
        temp = self._temps.get(descriptor)
        if temp is not None:
            temp.digest.update(data)
            temp.size += len(data)

    def close(self, descriptor: int) -> None:
        """Close a file, and remember its sum."""
        temp = self._temps.pop(descriptor, None)
        self._inner.close(descriptor)
        if temp is not None:
            self._written[temp.path] = temp

    def replace(self, source: Path, target: Path) -> None:
        """Write the sum down, then rename."""
        temp = self._written.get(source)
        if temp is not None and target in self._wanted:
            new = Sum(temp.digest.hexdigest(), temp.size, source.stat().st_mtime_ns, self.seq)
            self._sums.expect(target, new, self._wanted)
        self._inner.replace(source, target)
        if self._written.pop(source, None) is not None and target in self._wanted:
            self._named.add(target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        with suppress(KeyError):
            del self._written[path]
        self._inner.unlink(path)

    def sync_folder(self, folder: Path) -> None:
        """Make names durable; only then a file that is not there is one that was taken away."""
        self._inner.sync_folder(folder)
        for path in sorted(path for path in self._named if path.parent == folder):
            self._sums.appeared(path)
            self._named.discard(path)
