"""A project.json that its disk refuses is kept in the rescue store, and goes back when the disk takes it again."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import Disk, DiskError
from segstudio.project.manifest import MANIFEST, SIZE_LIMIT, Manifest, encode_manifest, parse_manifest
from segstudio.project.rescue import RescueStore

_KEPT: Final = "project.kept-{}.json"


class ManifestRescue:
    """The newest content of one project.json, as long as its disk refuses it; for one thread at a time."""

    def __init__(self, store: RescueStore) -> None:
        self._store = store
        self._held = {path for path, _ in self._found()}
        self._kept: Manifest | None = None

    @property
    def holds(self) -> bool:
        """Whether it has the newest content."""
        return self._kept is not None

    def tell(self) -> None:
        """Tell who follows the store that something was kept or went back."""
        self._store.on_change()

    def keep(self, manifest: Manifest) -> None:
        """Write what `manifest` holds to the first place that takes it; nothing where none does."""
        if manifest == self._kept:
            return
        self._kept = None
        content = {"origin": manifest.origin, "content": encode_manifest(manifest).decode()}
        data = json.dumps({**self._store.owner, **content}).encode()
        for root in self._store.roots:
            path = self._store.folder(root) / MANIFEST
            with suppress(DiskError):
                make_folders(path.parent, self._store.disk)
                write_atomic(path, data, self._store.disk)
                self._held.add(path)
                self._kept = manifest
                return

    def clear(self) -> None:
        """Forget what is kept: the disk of the project has it."""
        held, self._held = self._held, set()
        self._kept = None
        for path in held:
            with suppress(OSError):
                self._store.disk.unlink(path)
                self._store.disk.remove_folder(path.parent)

    def bring_back(self, folder: Path, manifest: Manifest, disk: Disk | None) -> tuple[Manifest, list[str]]:
        """Return the newest content, and sentences for the user.

        Parameters
        ----------
        manifest
            As the project in `folder` has it.
        disk
            Of the project, for what is kept beside it; ``None`` to write nothing.
        """
        for path, content in self._found():
            try:
                kept, _ = parse_manifest(path, str(content.get("content")).encode())
            except BadInput:
                continue
            kept = replace(kept, revision=manifest.revision, origin=manifest.origin)
            if kept == manifest:
                continue
            if content.get("origin") == manifest.origin:
                return kept, ["The list of images and classes was kept on this computer and comes back now."]
            if disk is not None:
                return manifest, [self._keep_both(folder, kept, disk)]
        return manifest, []

    def _keep_both(self, folder: Path, kept: Manifest, disk: Disk) -> str:
        number = 1
        while (target := folder / _KEPT.format(number)).exists():
            number += 1
        says = f"{MANIFEST} was changed elsewhere while its disk refused what was done here. Both are kept: "
        try:
            write_atomic(target, encode_manifest(kept), disk)
        except DiskError as error:
            return f"{says}that of this computer stays there, since {error.reason or error.message}."
        self.clear()
        return f"{says}that of this computer is {target.name}."

    def _found(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder in self._store.projects():
            path = folder / MANIFEST
            with suppress(OSError, ValueError, RecursionError):
                if path.stat().st_size <= 2 * SIZE_LIMIT:
                    content = json.loads(path.read_bytes())
                    if isinstance(content, dict) and self._store.is_owner(content):
                        yield path, content
