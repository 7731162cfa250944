"""In the folder of a sync program label files are published less often; each of them is sent to other computers."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.project import checkpoint, sync_folders
from segstudio.project.project import Project
from segstudio.project.sync_folders import is_synchronized


@pytest.mark.parametrize(
    "place",
    [
        "Dropbox/cells",
        "Dropbox (Lab of Cells)/cells",
        "OneDrive/cells",
        "OneDrive - University/cells",
        "Google Drive/My Drive/cells",
        "Library/CloudStorage/GoogleDrive-anna@lab.org/My Drive/cells",
        "Nextcloud/cells",
        "ownCloud/a/b/cells",
        "iCloudDrive/cells",
        "Library/Mobile Documents/com~apple~CloudDocs/cells",
    ],
)
def test_sync_programs_are_known_by_the_name_of_their_folder(tmp_path: Path, place: str) -> None:
    assert is_synchronized(tmp_path / place)


@pytest.mark.parametrize("place", ["dropbox-paper/cells", "boxes/cells", "onedrives/cells", "cloud/nextclouds/cells"])
def test_other_folders_are_not(tmp_path: Path, place: str) -> None:
    assert not is_synchronized(tmp_path / place)


@pytest.mark.parametrize(
    "marker", [".dropbox", ".dropbox.cache", ".nextcloudsync.log", ".sync_0a1b2c3d.db", "._sync_0a1b.db", ".stfolder"]
)
def test_sync_programs_are_known_by_what_they_keep_in_a_folder_of_any_name(tmp_path: Path, marker: str) -> None:
    (tmp_path / "work" / "cells").mkdir(parents=True)
    (tmp_path / "work" / marker).write_text("")
    assert is_synchronized(tmp_path / "work" / "cells" / "labels")


def test_the_place_that_windows_tells_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OneDriveCommercial", str(tmp_path / "work"))
    assert is_synchronized(tmp_path / "work" / "cells")
    assert not is_synchronized(tmp_path / "works" / "cells")


def test_a_link_into_the_folder_of_a_sync_program_counts(tmp_path: Path) -> None:
    (tmp_path / "Dropbox" / "cells").mkdir(parents=True)
    try:
        (tmp_path / "cells").symlink_to(tmp_path / "Dropbox" / "cells", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert is_synchronized(tmp_path / "cells")


@pytest.mark.parametrize(("place", "seconds"), [("Dropbox", 300.0), ("disk", 60.0)])
def test_label_files_are_published_after_five_minutes_of_work_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, seconds: float
) -> None:
    now = 1000.0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((60, 70), np.uint8))
    project, _ = Project.create(tmp_path / place / "cells", tmp_path / "img.tif")
    with project:
        due = project.document(project.images[0].id)._saving._checkpoint
        with due._condition:
            due._first_edit, due._last_edit = now, now + 10_000
            assert due._delay() == seconds
            due._first_edit = None
    sync_folders.is_synchronized.cache_clear()
