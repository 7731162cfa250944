"""HDF5: a dataset is chosen by its name behind the file's; nothing outside of the file is read."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.image_place import container_of, fingerprint_of, own_stem
from segstudio.io.sources import open_image
from segstudio.io.vetting import Vetting
from segstudio.project.project import Project

PIXELS = np.random.default_rng(0).integers(0, 60_000, (3, 40, 50), dtype=np.uint16)


def make(path: Path, more: Callable[[h5py.File], object] = lambda file: None) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("cells/raw", data=PIXELS, chunks=(1, 16, 16), compression="gzip")
        file.create_dataset("big", data=np.zeros((70, 80), np.uint8))
        file["cells/raw"].attrs["element_size_um"] = [2.0, 0.5, 0.25]
        file["table"] = np.arange(5)
        more(file)
    return path


def test_datasets_are_named_like_files_in_a_folder(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    with open_image(path) as source:
        assert (source.part, [part.name for part in source.parts]) == ("cells/raw", ["big", "cells/raw"])
        assert (source.info.axes, source.info.shape, source.info.dtype) == ("IYX", (3, 40, 50), "uint16")
        assert source.info.pixel_size is not None
        assert (source.info.pixel_size.y, source.info.pixel_size.x) == (0.5, 0.25)
        assert "big" in source.info.warnings[0]
        assert np.array_equal(source.read(Window(10, 5, 30, 60), 2), PIXELS[2, 10:30, 5:])
    with open_image(path / "big") as source:
        assert source.info.shape == (70, 80)
        assert source.info.warnings == ()
    assert container_of(path / "cells" / "raw") == (path, "cells/raw")
    assert own_stem(path / "cells" / "raw") == "a_cells_raw"
    assert fingerprint_of(path / "big") != fingerprint_of(path / "cells" / "raw")
    with pytest.raises(BadInput, match="no image"):
        open_image(path / "cells" / "other")


def test_axes_are_as_the_file_names_them(tmp_path: Path) -> None:
    def named(file: h5py.File) -> None:
        file.create_dataset("xyc", data=np.moveaxis(PIXELS, (0, 1, 2), (2, 1, 0)))
        file["xyc"].attrs["axistags"] = json.dumps({"axes": [{"key": "x"}, {"key": "y"}, {"key": "c"}]})

    with open_image(make(tmp_path / "a.h5", named) / "xyc") as source:
        assert (source.info.axes, source.info.channels) == ("CYX", 3)
        assert np.array_equal(source.read(), np.moveaxis(PIXELS, 0, -1))


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((40, 50), np.uint16)
    layout[:] = h5py.VirtualSource("other.h5", "raw", (40, 50))
    file.create_virtual_dataset("bad", layout)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda file: file.__setitem__("bad", h5py.ExternalLink("other.h5", "/raw")), "image-link"),
        (lambda file: file.__setitem__("bad", h5py.SoftLink("/cells/raw")), "image-link"),
        (
            lambda file: file.create_dataset("bad", (40, 50), np.uint16, external=[("/etc/passwd", 0, 4000)]),
            "image-link",
        ),
        (_virtual, "image-link"),
        (lambda file: file.create_dataset("bad", (1 << 31, 1 << 31), np.uint8, chunks=(1 << 16, 1 << 15)), "image-too"),
        (lambda file: file.create_dataset("bad", data=np.array([[b"a", b"b"]] * 3)), "image-uns"),
        (lambda file: file.create_dataset("bad", (2, 3, 40, 50), np.uint8), "image-shape"),
    ],
)
def test_what_leads_elsewhere_or_cannot_be_shown_is_refused(
    tmp_path: Path, harm: Callable[[h5py.File], object], code: str
) -> None:
    path = make(tmp_path / "a.h5", harm)
    with pytest.raises(BadInput) as told:
        open_image(path / "bad")
    assert told.value.code.startswith(code)
    with open_image(path) as source:
        assert source.info.shape == (3, 40, 50), "the others can be read"


def test_the_dataset_is_remembered_and_looked_at_in_the_confined_process(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    vetting = Vetting()
    try:
        gate = vetting(path / "cells" / "raw", indices=False)
        assert gate is not None
        gate(Window(0, 0, 10, 10), 1, (40, 50))
    finally:
        vetting.close()
    project, problems = Project.create(tmp_path / "project", [path, path / "big"])
    assert not problems
    assert [(entry.path, entry.name) for entry in project.images] == [
        ("../a.h5/cells/raw", "a.h5 › cells/raw"),
        ("../a.h5/big", "a.h5 › big"),
    ]
    assert project.document(project.images[1].id).source.info.shape == (70, 80)
    assert project.close()
    (tmp_path / "moved").mkdir()
    path = path.rename(tmp_path / "moved" / "b.h5")
    with Project.open(tmp_path / "project") as project:
        assert project.find_moved(tmp_path / "moved") == 2
        assert [entry.name for entry in project.images] == ["b.h5 › cells/raw", "b.h5 › big"]
        assert project.document(project.images[1].id).source.info.shape == (70, 80)
        path = path.rename(tmp_path / "c.h5")
        project.relocate(project.images[0].id, path)
        project.relocate(project.images[1].id, path)
        assert project.images[1].path == "../c.h5/big"
    with h5py.File(path, "a") as file:
        file["big"][0, 0] = 1
    with Project.open(tmp_path / "project") as project, pytest.raises(BadInput, match="changed"):
        project.document(project.images[1].id)
