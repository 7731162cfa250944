"""A project.json that its disk refuses is kept in the rescue store, and goes back when the disk takes it again."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import Disk, DiskError
from segstudio.io.json_file import json_content
from segstudio.project.manifest import AUTOMATIC_SPLITS, MANIFEST, SIZE_LIMIT, Manifest, encode_manifest, parse_manifest
from segstudio.project.manifest_file import free_kept
from segstudio.project.rescue import TAKEN, RescueStore

#: What the rescue store calls a list when it has an earlier one, and what all of them are called.
_ANOTHER: Final = "project-{}.json"
_ANY: Final = "project*.json"
#: What is said of one that comes back.
LIST_COMES_BACK: Final = "The list of images and classes was kept on this computer and comes back now."


class ManifestRescue:
    """The newest content of one project.json, as long as its disk refuses it; for one thread at a time.

    Parameters
    ----------
    store
        Of the project.
    held
        Files of which the project has the content now; only these and what is kept from now on is ever removed.

    Attributes
    ----------
    held
        Those; `bring_back` adds what it has brought back.
    """

    def __init__(self, store: RescueStore, held: Iterable[Path] = ()) -> None:
        self._store = store
        self.held = set(held)
        self._kept: Manifest | None = None
        self._newest: Path | None = None

    @property
    def place(self) -> Path | None:
        """The folder that has the newest content; ``None`` when none has."""
        return self._newest

    def tell(self) -> None:
        """Tell who follows the store that something was kept or went back."""
        self._store.on_change()

    def keep(self, manifest: Manifest) -> None:
        """Write what `manifest` holds to the first place that takes it; nothing where none does."""
        if manifest == self._kept:
            return
        self._kept = self._newest = None
        content = {"origin": manifest.origin, "content": encode_manifest(manifest).decode()}
        data = json.dumps({**self._store.owner, **content}).encode()
        for root in self._store.roots:
            path = self._place(self._store.folder(root))
            with suppress(DiskError):
                make_folders(path.parent, self._store.disk)
                write_atomic(path, data, self._store.disk)
                self.held.add(path)
                self._kept, self._newest = manifest, path.parent
                return

    def clear(self) -> None:
        """Forget what is `held`: the disk of the project has it."""
        held, self.held = self.held, set()
        self._kept = self._newest = None
        for path in held:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            self._store.let_go(path, _owner_of(path))
            self._store.disk.remove_folder(path.parent)

    def _place(self, folder: Path) -> Path:
        """Return a file that is held, or not there: another one may be all that is left of an earlier list."""
        number, path = 1, folder / MANIFEST
        while path not in self.held and path.exists():
            number += 1
            path = folder / _ANOTHER.format(number)
        return path

    def bring_back(self, folder: Path, manifest: Manifest, disk: Disk) -> tuple[Manifest, list[str]]:
        """Return the newest content, and sentences for the user.

        Parameters
        ----------
        manifest
            As the project in `folder` has it.
        disk
            Of the project, for what is kept beside it.
        """
        newest, words = manifest, []
        for path, content in list(self._found()):
            try:
                kept, _ = parse_manifest(path, str(content.get("content")).encode())
            except BadInput:
                continue
            kept = replace(kept, revision=manifest.revision, origin=manifest.origin)
            same_origin = content.get("origin") == manifest.origin and newest is manifest
            if _as_user_made(kept) == _as_user_made(manifest):
                newest = kept if same_origin else newest
                self.held.add(path)
            elif same_origin:
                newest = kept
                self.held.add(path)
                words.append(LIST_COMES_BACK)
            else:
                words.append(self._keep_both(folder, kept, path, disk))
        return newest, words

    def _keep_both(self, folder: Path, kept: Manifest, source: Path, disk: Disk) -> str:
        target = free_kept(folder)
        says = f"{MANIFEST} was changed elsewhere while its disk refused what was done here. Both are kept: "
        try:
            write_atomic(target, encode_manifest(kept), disk)
        except DiskError as error:
            return f"{says}that of this computer stays there, since {error.reason or error.message}."
        self._remove(source)
        return f"{says}that of this computer is {target.name}."

    def _found(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder in self._store.projects():
            for path in sorted([*folder.glob(_ANY), *folder.glob(_ANY + TAKEN)]):
                content = _owner_of(path)
                if self._store.is_owner(content, path):
                    yield path, content


def _as_user_made(manifest: Manifest) -> Manifest:
    """Return `manifest` without what the program counts and decides by itself: only that comes back without a word."""
    images = tuple(replace(entry, objects=0, marked=False) for entry in manifest.images)
    settings = {key: value for key, value in manifest.settings.items() if key != AUTOMATIC_SPLITS}
    return replace(manifest, images=images, settings=settings)


def _owner_of(path: Path) -> dict[str, Any]:
    """Return what a list in the rescue store says; empty when it cannot be read."""
    with suppress(OSError, ValueError):
        content = json_content(path, 2 * SIZE_LIMIT)
        if isinstance(content, dict):
            return content
    return {}
