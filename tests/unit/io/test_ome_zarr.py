"""OME-Zarr folders: axes, levels and channels as they say, in the order that the program has; none leads elsewhere."""

import json
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import image_place
from segstudio.io.image_place import content_of, fingerprint_of, stat_of
from segstudio.io.pyramid import PyramidKey, pyramid_tile
from segstudio.io.sources import open_image
from segstudio.io.vetting import Vetting
from segstudio.io.zarr_metadata import read_attributes, zarr_image
from segstudio.project.image_bytes import summed
from segstudio.project.image_sums import ImageSums
from segstudio.project.intake import Intake
from segstudio.project.project import Project
from segstudio.session.file_parts import files_with_parts

PIXELS = np.random.default_rng(0).integers(0, 60_000, (2, 3, 4, 70, 50), dtype=np.uint16)  # t c z y x
REAL = Path(__file__).parents[4] / "shared" / "data" / "multichannel" / "mitotic_plate.ome.zarr"


def _array(path: Path, pixels: np.ndarray, version: int) -> None:
    grid: dict[str, Any] = {"shape": list(pixels.shape)}
    chunks = [1] * (pixels.ndim - 2) + [32, 32]
    if version == 2:
        more = {"chunks": chunks, "dtype": pixels.dtype.str, "compressor": {"id": "zlib", "level": 1}}
        metadata = {**grid, **more, "dimension_separator": "/"}
    else:
        inner = {"chunk_shape": chunks, "codecs": [{"name": "bytes"}, {"name": "zstd"}]}
        shard = [1] * (pixels.ndim - 2) + [64, 64]
        metadata = {
            **grid,
            "data_type": pixels.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "codecs": [{"name": "sharding_indexed", "configuration": inner}],
        }
    spec = {
        "driver": "zarr" if version == 2 else "zarr3",
        "kvstore": {"driver": "file", "path": f"{path}/"},
        "metadata": metadata,
    }
    tensorstore.open(spec, create=True).result().write(pixels).result()


def make(folder: Path, version: int = 2, pixels: np.ndarray = PIXELS, **more: Any) -> Path:
    """Write an image with a smaller copy, whose values are one higher."""
    folder.mkdir(parents=True)
    for name, level in (("0", pixels), ("1", pixels[..., ::2, ::2] + 1)):
        _array(folder / name, level, version)
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "tczyx"[-pixels.ndim :]]
    scale = [1.0] * (pixels.ndim - 2) + [500.0, 250.0]
    datasets = [{"path": name, "coordinateTransformations": [{"type": "scale", "scale": scale}]} for name in ("0", "1")]
    channels = [{"label": f"dye {number}", "color": "00FF00"} for number in range(3)]
    ome = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}], "omero": {"channels": channels}}
    ome |= more
    if version == 2:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(ome))
    else:
        attributes = {"ome": {"version": "0.5", **ome}}
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (folder / "zarr.json").write_text(json.dumps(group))
    return folder


@pytest.mark.parametrize("version", [2, 3])
def test_planes_channels_and_levels_are_what_was_written(tmp_path: Path, version: int) -> None:
    with open_image(make(tmp_path / "a.ome.zarr", version)) as source:
        info = source.info
        assert (info.axes, info.shape) == ("TZCYX", (2, 4, 3, 70, 50))
        assert (info.channels, info.planes, info.dtype) == (3, 8, "uint16")
        assert info.channel_names == ("dye 0", "dye 1", "dye 2")
        assert info.channel_colours == ("#00ff00",) * 3
        assert info.pixel_size is not None
        assert (info.pixel_size.y, info.pixel_size.x) == (0.5, 0.25)
        assert source.levels == ((35, 25),)
        for plane in (0, 5, 7):
            wanted = np.moveaxis(PIXELS[plane // 4, :, plane % 4], 0, -1)
            assert np.array_equal(source.read(plane=plane), wanted)
            assert np.array_equal(source.read(Window(30, 40, 60, 80), plane), wanted[30:60, 40:])
            assert np.array_equal(pyramid_tile(source, PyramidKey(1, 0, 0), plane), wanted[::2, ::2] + 1)


@pytest.mark.skipif(not REAL.exists(), reason="the image is not on this machine")
def test_a_real_one_of_a_converter_is_read_in_the_confined_process(tmp_path: Path) -> None:
    vetting = Vetting()
    try:
        gate = vetting(REAL, indices=False)
        assert gate is not None
        gate(Window(0, 0, 100, 100), 5, (263, 263))
    finally:
        vetting.close()
    with open_image(REAL) as source:
        assert source.info.shape == (6, 263, 263)


def _outside(folder: Path) -> None:
    (folder / "0" / "0").rename(folder.parent / "elsewhere")
    (folder / "0" / "0").symlink_to(folder.parent / "elsewhere")


def _scales(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    attributes = json.loads((folder / ".zattrs").read_text())
    change(attributes["multiscales"][0])
    (folder / ".zattrs").write_text(json.dumps(attributes))


def _array_json(folder: Path, **fields: Any) -> None:
    path = folder / "0" / ".zarray"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_outside, "image-link"),
        (lambda folder: _scales(folder, lambda scale: scale["datasets"][0].update(path="../b")), "image-damaged"),
        (lambda folder: _scales(folder, lambda scale: scale.update(datasets=7)), "image-damaged"),
        (lambda folder: _scales(folder, lambda scale: scale.update(axes=["y", "z"])), "image-shape"),
        (lambda folder: _array_json(folder, filters=[{"id": "pickle"}]), "image-unsupported"),
        (lambda folder: _array_json(folder, dtype="|O"), "image-damaged"),
        (lambda folder: _array_json(folder, shape=[1 << 40] * 5, chunks=[1 << 30] * 5), "image-"),
        (lambda folder: shutil.rmtree(folder / "0"), "image-damaged"),
        (lambda folder: (folder / ".zattrs").write_text("[" * 10_000), ""),
        (lambda folder: (folder / ".zattrs").write_text('{"plate": {"wells": [{"path": "../B"}]}}'), "image-damaged"),
    ],
)
def test_what_leads_elsewhere_or_cannot_be_is_refused(tmp_path: Path, harm: Callable[[Path], None], code: str) -> None:
    folder = make(tmp_path / "a.ome.zarr")
    harm(folder)
    with pytest.raises(BadInput) as told, open_image(folder) as source:
        source.read()
    assert told.value.code.startswith(code)


def _series(folder: Path, *names: str) -> Path:
    """Write a series of which the first image is there."""
    (folder / "OME").mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    (folder / "OME" / ".zattrs").write_text(json.dumps({"series": names}))
    make(folder / "0", pixels=PIXELS[0, 0])
    return folder


@pytest.mark.parametrize("name", ["{}/secret.tif", "../../secret.tif", "0/../../secret.tif", "//x", "C:/x", "linked"])
def test_no_image_of_a_series_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    tifffile.imwrite(tmp_path / "secret.tif", PIXELS[0, 0, 0])
    folder = _series(tmp_path / "in" / "a.zarr", "0", name.format(tmp_path))
    (folder / "linked").symlink_to(make(tmp_path / "elsewhere.zarr", pixels=PIXELS[0, 0]))
    assert not files_with_parts([folder])
    with pytest.raises(BadInput) as told, open_image(folder):
        pass
    assert told.value.code in ("image-damaged", "image-link")


def test_a_linked_image_in_a_series_is_not_opened_by_its_name_either(tmp_path: Path) -> None:
    folder = _series(tmp_path / "a.zarr", "0", "1")
    (folder / "1").symlink_to(make(tmp_path / "elsewhere.zarr", pixels=PIXELS[0, 0]))
    with pytest.raises(BadInput, match="holds a link"), open_image(folder / "1"):
        pass


def test_a_linked_description_of_a_series_is_not_followed(tmp_path: Path) -> None:
    folder = _series(tmp_path / "a.zarr", "0")
    (folder / "OME").rename(tmp_path / "elsewhere")
    (folder / "OME").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="holds a link"), open_image(folder):
        pass


def test_the_wells_behind_the_last_image_that_is_offered_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wells = [f"A/{number}" for number in range(5)]
    plate = tmp_path / "plate.zarr"
    make(plate / "A" / "0" / "0", pixels=PIXELS[0, 0])
    for well in wells:
        (plate / well).mkdir(exist_ok=True)
        images = [{"path": str(number)} for number in range(3000)]
        (plate / well / ".zattrs").write_text(json.dumps({"well": {"images": images}}))
    (plate / ".zattrs").write_text(json.dumps({"plate": {"wells": [{"path": well} for well in wells]}}))
    read: list[Path] = []

    def listen(folder: Path) -> dict[str, Any]:
        read.append(folder)
        return read_attributes(folder)

    monkeypatch.setattr("segstudio.io.zarr_metadata.read_attributes", listen)
    assert len(zarr_image(plate).parts) == 4000
    assert read == [plate, plate / "A" / "0", plate / "A" / "1", plate / "A" / "0" / "0"]


def test_an_image_folder_is_added_and_found_again_by_its_content(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    folder = make(images / "a.ome.zarr", pixels=PIXELS[0])
    project, problems = Project.create(tmp_path / "project", images)
    assert not problems
    (entry,) = project.images
    assert (entry.name, entry.stem, entry.axes, entry.sizes) == ("a.ome.zarr", "a.ome", "Z", (4,))
    (tmp_path / "moved").mkdir()
    folder.rename(tmp_path / "moved" / "b.zarr")
    assert project.find_moved(tmp_path / "moved") == 1
    document = project.document(entry.id)
    assert document.source.read().shape == (70, 50, 3)
    assert project.close()


def test_the_fields_of_a_plate_are_images_of_their_own(tmp_path: Path) -> None:
    plate = tmp_path / "plate.ome.zarr"
    for number, well in enumerate(("A/1", "B/2")):
        (plate / well).mkdir(parents=True)
        for group in (plate, (plate / well).parent, plate / well):
            (group / ".zgroup").write_text('{"zarr_format": 2}')
        make(plate / well / "0", pixels=PIXELS[0, number])
        (plate / well / ".zattrs").write_text(json.dumps({"well": {"images": [{"path": "0"}]}}))
    (plate / ".zattrs").write_text(json.dumps({"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}))
    (found,) = files_with_parts([plate])
    assert [part.name for part in found.parts] == ["A/1/0", "B/2/0"]
    assert found.usual == {"A/1/0", "B/2/0"}
    project, problems = Project.create(tmp_path / "project", [plate, plate / "B" / "2" / "0"])
    assert not problems
    assert [entry.name for entry in project.images] == ["plate.ome.zarr › A/1/0", "plate.ome.zarr › B/2/0"]
    assert project.images[1].stem == "plate.ome_B_2_0"
    assert project.close()


def test_the_mark_of_a_folder_tells_metadata_and_the_outer_pixels(tmp_path: Path) -> None:
    folder = make(tmp_path / "a.ome.zarr", pixels=PIXELS[0, 0])
    copy = tmp_path / "b.ome.zarr"
    shutil.copytree(folder, copy)
    assert fingerprint_of(folder) == fingerprint_of(copy)
    assert b"".join(content_of(folder)) == b"".join(content_of(copy))
    assert fingerprint_of(folder).startswith(f"{stat_of(folder).size}:")
    last = max((copy / "0").rglob("2/1"))
    last.write_bytes(last.read_bytes() + b"x")
    assert fingerprint_of(folder) != fingerprint_of(copy)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in image_place._all_files(folder)]


def test_a_folder_without_an_end_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "a.ome.zarr", pixels=PIXELS[0, 0])
    assert _files(folder) == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with monkeypatch.context() as few:
        few.setattr(image_place, "_MOST_FILES", 10)
        with pytest.raises(BadInput, match=r"a.ome.zarr holds too many files"):
            _files(folder)
    (folder / Path(*["a"] * 60)).mkdir(parents=True)
    with pytest.raises(BadInput, match="folders in folders too deeply"):
        summed(folder)
    told: queue.Queue[BadInput] = queue.Queue()
    sums = ImageSums(tmp_path, read_only=True)
    sums.on_changed = told.put
    sums.look_later(Intake(tmp_path, ()).look(folder), folder)
    assert told.get(timeout=30).code == "image-too-large"
    sums.close()
