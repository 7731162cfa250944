"""What Windows and macOS do in another way, with stand-ins for their calls."""

import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from segstudio.io import computer, disk
from segstudio.io.computer import computer_mark
from segstudio.io.disk import Disk, disk_error
from segstudio.io.file_lock import open_lock, try_lock


class Key:
    """A key of the Windows registry."""

    def __enter__(self) -> "Key":
        return self

    def __exit__(self, *args: object) -> None:
        pass


def registry(monkeypatch: pytest.MonkeyPatch, opened: Callable[..., Any]) -> None:
    winreg = ModuleType("winreg")
    winreg.HKEY_LOCAL_MACHINE = object()  # type: ignore[attr-defined]
    winreg.OpenKey = opened  # type: ignore[attr-defined]
    winreg.QueryValueEx = lambda key, name: ({"MachineGuid": "a1b2"}[name], 1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "winreg", winreg)
    monkeypatch.setattr(sys, "platform", "win32")


class System:
    """The C library of macOS: `gethostuuid` writes sixteen bytes and returns how that went."""

    def __init__(self, result: int, identity: bytes = b"") -> None:
        self.result = result
        self.identity = identity

    def gethostuuid(self, identity: Any, wait: Any) -> int:
        for place, value in enumerate(self.identity):
            identity[place] = value
        return self.result


def named(monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    return computer_mark()


def test_windows_has_its_identity_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry(monkeypatch, lambda root, path: Key())
    mark = named(monkeypatch, "lab")
    assert len(mark) == 16
    assert "a1b2" not in mark
    assert named(monkeypatch, "lab") == mark
    assert named(monkeypatch, "copy of lab") != mark


def test_a_registry_that_may_not_be_read_gives_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(root: object, path: str) -> Key:
        raise PermissionError(errno.EACCES, "Access is denied")

    registry(monkeypatch, refused)
    assert computer_mark() == ""


def test_macos_asks_the_hardware_and_its_name_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(computer.ctypes, "CDLL", lambda name: System(0, bytes(range(16))))
    mark = named(monkeypatch, "lab")
    assert mark == named(monkeypatch, "lab-2.local")
    monkeypatch.setattr(computer.ctypes, "CDLL", lambda name: System(0, bytes(range(1, 17))))
    assert named(monkeypatch, "lab") != mark


@pytest.mark.parametrize("library", [System(-1), object()], ids=["it fails", "it is not there"])
def test_macos_without_an_answer_gives_no_mark(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(computer.ctypes, "CDLL", lambda name: library)
    assert computer_mark() == ""


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [("abc\n", None, True), (None, "abc\n", True), ("uninitialized\n", "abc\n", True), ("", None, False),
     ("\N{MICRO SIGN}", "abc\n", True), (None, None, False)],
)  # fmt: skip
def test_linux_takes_the_first_identity_that_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str | None, second: str | None, known: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    paths = tmp_path / "machine-id", tmp_path / "dbus"
    monkeypatch.setattr(computer, "_LINUX", paths)
    for path, text in zip(paths, (first, second), strict=True):
        if text is not None:
            path.write_text(text, "utf-8")
    mark = named(monkeypatch, "lab")
    paths[0].write_text("abc\n")
    assert mark == (named(monkeypatch, "lab") if known else "")


class Locking(ModuleType):
    """What Windows locks bytes of a file with; one other process may have them already."""

    LK_NBLCK = 2

    def __init__(self, *, held: bool) -> None:
        super().__init__("msvcrt")
        self.held = held
        self.places: list[tuple[int, int, int]] = []

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        self.places.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))
        if self.held:
            raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("held", [False, True])
def test_windows_locks_a_byte_far_behind_what_stands_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    msvcrt = Locking(held=held)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr(sys, "platform", "win32")
    descriptor = open_lock(tmp_path / "lock")
    try:
        assert try_lock(descriptor) is not held
        assert msvcrt.places == [(1 << 20, Locking.LK_NBLCK, 1)]
        if not held:  # who has it writes its name at the beginning
            assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    finally:
        os.close(descriptor)


def test_a_system_without_a_sync_of_data_alone_syncs_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", synced.append)
    descriptor = Disk().create(tmp_path / "a")
    try:
        Disk().sync(descriptor)
        assert synced == [descriptor]
    finally:
        os.close(descriptor)


def test_windows_syncs_names_with_the_rename_and_opens_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_WINDOWS", True)
    monkeypatch.setattr(os, "open", lambda *args: pytest.fail("Windows opens no folder"))
    Disk().sync_folder(tmp_path)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, "disk-full", "the disk is full"),
        (errno.EDQUOT, "disk-full", "the disk is full"),
        (errno.EACCES, "no-permission", "you may not write there"),
        (errno.EROFS, "read-only", "the disk is read-only"),
        (errno.ENOTDIR, "folder-missing", "the folder is not there any more"),
        (errno.EEXIST, "not-a-folder", "there is a file of this name"),
        (errno.ENAMETOOLONG, "name-too-long", "its name is too long for this disk"),
        (errno.ESTALE, "disk-error", f"the disk reports “{os.strerror(errno.ESTALE)}”"),
    ],
)
def test_each_refusal_of_a_disk_has_its_sentence(number: int, code: str, words: str) -> None:
    told = disk_error(OSError(number, os.strerror(number)), Path("/p/labels/a.tif"), "saved")
    assert (told.code, told.reason) == (code, words)
    assert told.message == f"a.tif could not be saved in {Path('/p/labels')}: {words}."
    assert told.hint


def test_an_error_without_words_of_the_system_is_told_by_its_name() -> None:
    assert disk_error(TimeoutError(), Path("/p/a.tif")).reason == "the disk reports “TimeoutError”"
