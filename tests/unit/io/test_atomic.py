"""Writing to the disk: old or new, never half, and a sentence when the disk refuses."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segstudio.io.atomic import (
    TEMP_MARK,
    AppendFile,
    copy_atomic,
    make_folders,
    remove_leftovers,
    write_atomic,
    write_together,
)
from segstudio.io.disk import Disk, DiskError


class FailingDisk(Disk):
    """A disk whose `fail`-th primitive raises; it counts and records all of them."""

    NAMES = ("create", "write", "sync", "replace", "sync_folder", "make_folder", "unlink")

    def __init__(self, fail: int = 0, code: int = errno.ENOSPC) -> None:
        self.calls: list[str] = []
        self.fail = fail
        self.code = code
        for name in self.NAMES:
            setattr(self, name, self._wrap(name, getattr(super(), name)))

    def _wrap(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            self.calls.append(name)
            if len(self.calls) == self.fail:
                raise OSError(self.code, os.strerror(self.code))
            return real(*args)

        return call


def test_content_is_synced_before_it_gets_its_name(tmp_path: Path) -> None:
    disk = FailingDisk()
    write_atomic(tmp_path / "a", b"new", disk)
    assert disk.calls == ["create", "write", "sync", "replace", "sync_folder"]
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("fail", range(1, 7))
def test_files_that_belong_together_stay_as_they_were_while_the_disk_has_no_room(tmp_path: Path, fail: int) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"old")
    with pytest.raises(DiskError):
        write_together({tmp_path / "a": b"new", tmp_path / "b": b"new"}, FailingDisk(fail))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old", "b": b"old"}


@pytest.mark.parametrize("fail", range(1, 9))
def test_of_files_that_belong_together_none_appears_alone(tmp_path: Path, fail: int) -> None:
    with pytest.raises(DiskError):
        write_together({tmp_path / "a": b"new", tmp_path / "b": b"new"}, FailingDisk(fail))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("fail", [1, 2, 3, 4])
def test_whatever_fails_the_old_file_stays_and_no_other_is_left(tmp_path: Path, fail: int, code: int) -> None:
    path = tmp_path / "cells.tif"
    path.write_bytes(b"old")
    with pytest.raises(DiskError, match=r"cells\.tif"):
        write_atomic(path, b"new", FailingDisk(fail, code))
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["cells.tif"]


def test_a_full_disk_is_named_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as caught:
        write_atomic(tmp_path / "a.tif", b"x", FailingDisk(2))
    assert caught.value.code == "disk-full"
    assert "a.tif could not be saved" in caught.value.message
    assert "Free some space" in caught.value.hint


def test_a_failing_source_of_data_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def pieces():  # noqa: ANN202
        yield b"n"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        write_atomic(path, pieces())
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    write_atomic(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_windows_holding_the_file_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    class Busy(Disk):
        tries = 0

        def replace(self, source: Path, target: Path) -> None:
            self.tries += 1
            if self.tries < 4:
                error = PermissionError(errno.EACCES, "busy")
                error.winerror = 32
                raise error
            super().replace(source, target)

        def sleep(self, seconds: float) -> None:
            assert seconds < 0.3

    disk = Busy()
    write_atomic(tmp_path / "a", b"new", disk)
    assert disk.tries == 4
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DiskError) as caught:
            write_atomic(tmp_path / "a", b"x")
        assert caught.value.code == "no-permission"
    finally:
        tmp_path.chmod(0o700)


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="not there any more"):
        write_atomic(tmp_path / "gone" / "a", b"x")


def test_folders_made_before_a_failure_are_removed_again(tmp_path: Path) -> None:
    disk = FailingDisk(3)  # first folder, its sync, second folder
    with pytest.raises(DiskError):
        make_folders(tmp_path / "a" / "b" / "c", disk)
    assert list(tmp_path.iterdir()) == []


def test_making_folders_that_exist_changes_nothing(tmp_path: Path) -> None:
    assert make_folders(tmp_path / "a" / "b") == [tmp_path / "a", tmp_path / "a" / "b"]
    assert make_folders(tmp_path / "a" / "b") == []


def test_copies_are_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(5_000_000))
    copy_atomic(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_leftovers_of_a_killed_program_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f"{TEMP_MARK}-1").write_bytes(b"x")
    (tmp_path / "labels.tif").write_bytes(b"x")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.tif"]


def test_each_append_is_synced(tmp_path: Path) -> None:
    disk = FailingDisk()
    file = AppendFile(tmp_path / "j", disk)
    file.append(b"one")
    file.append(b"two")
    file.close()
    file.close()
    assert disk.calls == ["create", "write", "sync", "sync_folder", "write", "sync"]
    assert (tmp_path / "j").read_bytes() == b"onetwo"


def test_an_append_file_never_continues_an_old_one(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"x")
    with pytest.raises(FileExistsError):
        AppendFile(tmp_path / "j")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names in folders")
def test_a_pipe_or_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    folder.mkdir()
    for path in (pipe, link):
        with pytest.raises(DiskError, match="is a device or a pipe and is not replaced"):
            write_atomic(path, b"x")
    with pytest.raises(DiskError, match="is a folder and is not replaced"):
        write_atomic(folder, b"x")
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe"]


def test_a_file_where_a_folder_must_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(DiskError, match="there is a file of this name"):
        make_folders(tmp_path / "a")


def test_on_a_drive_that_is_gone_no_folder_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Disk):
        def make_folder(self, folder: Path) -> None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(Path, "is_dir", lambda self: False)  # as of Windows' Z: without the drive, up to its root
    with pytest.raises(DiskError, match="the folder is not there any more"):
        make_folders(Path("/project/labels").absolute(), Gone())


def test_a_folder_that_another_program_makes_at_the_same_moment_is_not_removed_again(tmp_path: Path) -> None:
    class Crowded(Disk):
        def make_folder(self, folder: Path) -> None:
            if folder.name == "theirs":
                folder.mkdir()
            if folder.name == "refused":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().make_folder(folder)

    with pytest.raises(DiskError, match="the disk is full"):
        make_folders(tmp_path / "ours" / "theirs" / "refused", Crowded())
    assert (tmp_path / "ours" / "theirs").is_dir()
    with pytest.raises(DiskError, match="the disk is full"):
        make_folders(tmp_path / "gone" / "refused", Crowded())
    assert not (tmp_path / "gone").exists()


def test_nothing_is_written_to_a_file_that_was_given_up(tmp_path: Path) -> None:
    file = AppendFile(tmp_path / "a")
    file.append(b"one")
    file.close()
    file.close()
    with pytest.raises(OSError, match="file is closed"):
        file.write(b"two")
    with pytest.raises(OSError, match="file is closed"):
        file.sync()
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_sync_that_ends_before_a_slow_write_tells_nothing_of_its_time(tmp_path: Path) -> None:
    class Slow(Disk):
        def write(self, descriptor: int, data: bytes | memoryview) -> None:
            if data == b"two":
                os.utime(tmp_path / "a", (0, 0))  # written long ago
                file.sync()  # on the other thread
            super().write(descriptor, data)

    file = AppendFile(tmp_path / "a", Slow())
    file.append(b"one")
    file.write(b"two")
    assert file.in_place(), "nobody else has written to it"
    file.sync()
    assert file.in_place()
    os.utime(tmp_path / "a", (0, 0))
    assert not file.in_place()
    file.close()
