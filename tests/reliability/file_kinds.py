"""Small whole files of every kind that the program reads from strangers, and what it does to open each."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from factories import cells
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.io.labels_import import read_labels
from segstudio.io.objects_file import read_objects
from segstudio.io.sources import open_image
from segstudio.jobs.messages import Failed, Metric, Progress, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry, Manifest, encode_manifest
from segstudio.project.manifest_file import load_manifest
from segstudio.session.predictions import Decisions, Prediction, read_prediction
from segstudio.session.runs import read_run

SIZE = (48, 60)


@dataclass(frozen=True)
class FileKind:
    """One kind of file.

    Attributes
    ----------
    make
        Returns whole files of that kind.
    open
        Opens the file at a path as the program does; what it needs besides lies in the path's folder.
    name
        What the file is called.
    is_text
        Mutated as text, not as bytes.
    beside
        Writes what belongs to the file into a folder.
    """

    make: Callable[[Path], list[bytes]]
    open: Callable[[Path], object]
    name: str
    is_text: bool = False
    beside: Callable[[Path], object] = lambda folder: None


def as_image(path: Path) -> None:
    """Open an image as the window does, and as a mask."""
    with open_image(path) as source:
        height, width = source.info.size
        for window in (Window(0, 0, min(height, 512), min(width, 512)), Window(height - 9, width - 9, height, width)):
            source.read(window)
        if source.info.planes > 1:
            source.read(Window(0, 0, 9, 9), plane=source.info.planes - 1)
        if height * width < 1 << 22:
            source.read()
    with suppress(UserError):  # most images are no masks
        read_labels(path, SIZE)


def _pixels(dtype: Any = np.uint8, *more: int) -> np.ndarray[Any, Any]:
    shape = (*SIZE, *more)
    return (np.arange(np.prod(shape)).reshape(shape) * 7 % 251).astype(dtype)


def _tiff(*arrays: np.ndarray[Any, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    big = options.pop("bigtiff", False)
    with tifffile.TiffWriter(stream, bigtiff=big, ome=options.pop("ome", False)) as writer:
        for array in arrays:
            writer.write(array, **options)
    return stream.getvalue()


def _codec(name: str, **more: Any) -> Callable[[Path], list[bytes]]:
    def make(_: Path) -> list[bytes]:
        kinds = {"jpeg": [_pixels(np.uint8)], "webp": []}.get(name, [_pixels(np.uint8), _pixels(np.uint16)])
        rgb = [_pixels(np.uint8, 3)]
        files = [_tiff(array, compression=name, rowsperstrip=16, **more) for array in kinds]
        files += [_tiff(array, compression=name, tile=(32, 32), **more) for array in kinds]
        return files + [_tiff(array, compression=name, photometric="rgb", **more) for array in rgb]

    return make


def _plain_tiff(_: Path) -> list[bytes]:
    stack = np.stack([_pixels()] * 3)
    return [
        _tiff(_pixels(np.uint16)),
        _tiff(_pixels(np.float32)),
        _tiff(_pixels(), bigtiff=True),
        _tiff(_pixels(np.uint8, 3), photometric="rgb", planarconfig="contig"),
        _tiff(stack, photometric="minisblack"),
        _tiff(_pixels(), tile=(16, 16)),
        _tiff(_pixels(), photometric="palette", colormap=np.zeros((3, 256), np.uint16)),
        _tiff(_pixels() > 100),
    ]


def _imagej(_: Path) -> list[bytes]:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((2, 3, *SIZE), np.uint8), imagej=True, metadata={"axes": "ZCYX"})
    return [stream.getvalue()]


def _ome_tiff(_: Path) -> list[bytes]:
    stream = io.BytesIO()
    axes = {"axes": "TCYX", "PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2, "Channel": {"Name": ["a", "b"]}}
    tifffile.imwrite(stream, np.zeros((2, 2, *SIZE), np.uint8), ome=True, metadata=axes)
    return [stream.getvalue()]


def _pillow(name: str, **options: Any) -> Callable[[Path], list[bytes]]:
    def make(_: Path) -> list[bytes]:
        files = []
        for pixels in (_pixels(), _pixels(np.uint8, 3)):
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, name, **options)
            files.append(stream.getvalue())
        return files

    return make


def _png(folder: Path) -> list[bytes]:
    palette = io.BytesIO()
    Image.fromarray(_pixels()).convert("P").save(palette, "PNG")
    frames = io.BytesIO()
    Image.fromarray(_pixels()).save(frames, "PNG", save_all=True, append_images=[Image.fromarray(_pixels() // 2)])
    sixteen = imagecodecs.png_encode(_pixels(np.uint16))
    return [*_pillow("PNG")(folder), palette.getvalue(), frames.getvalue(), bytes(sixteen)]


def _npy(_: Path) -> list[bytes]:
    files = []
    for array in (_pixels(np.uint16), _pixels(np.float64), np.asfortranarray(_pixels()), _pixels(np.uint8, 3)):
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        files.append(stream.getvalue())
    return files


def _npz(_: Path) -> list[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, masks=_pixels(np.uint16), other=_pixels())
        files.append(stream.getvalue())
    return files


def _seg(_: Path) -> list[bytes]:
    stream = io.BytesIO()
    content = {"masks": _pixels(np.uint16), "outlines": _pixels(), "filename": "a.tif", "flows": [_pixels(), None]}
    np.save(stream, np.array(content, dtype=object), allow_pickle=True)
    return [stream.getvalue()]


def _open_seg(path: Path) -> None:
    """Do what the confined process does, here."""
    from segstudio.io.python_objects import MEMORY, answer

    assert MEMORY
    told = json.loads(answer(json.dumps({"path": str(path)}).encode(), path.parent / "out"))
    assert not told.keys() - {"foreign", "problem"}


def entry() -> ImageEntry:
    """Return the image that all annotations belong to."""
    return ImageEntry(id="a", path="a.tif", name="a.tif", stem="a", height=SIZE[0], width=SIZE[1])


def annotation(folder: Path) -> AnnotationFiles:
    """Return where the annotation of a project in `folder` lies."""
    return AnnotationFiles(
        folder / "labels" / "a.tif", folder / "regions" / "a.tif", folder / "labels" / "a.json", folder / "journal"
    )


def write_annotation(folder: Path) -> None:
    """Label an image as a user would, checkpoint in the middle, and leave the files of it."""
    (folder / "journal").mkdir(parents=True)
    for name in ("labels", "regions"):
        (folder / name).mkdir()
    tifffile.imwrite(folder / "a.tif", _pixels())
    document = ImageDocument.open(entry(), folder / "a.tif", annotation(folder))
    labels = cells(SIZE, count=4, diameter=12, seed=3).labels
    document.apply(PasteLabels(labels, Window.whole(SIZE), {int(i): ObjectInfo() for i in np.unique(labels) if i}))
    document.undo()
    document.redo()
    assert document.close()


def open_annotation(path: Path) -> None:
    """Open the image whose annotation was tampered with."""
    folder = next(folder for folder in path.parents if (folder / "a.tif").is_file() and (folder / "journal").is_dir())
    ImageDocument.open(entry(), folder / "a.tif", annotation(folder), read_only=True).close()


def _of_annotation(pattern: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [path.read_bytes() for path in sorted(folder.glob(pattern))]


def _project(_: Path) -> list[bytes]:
    images = (entry(), ImageEntry(id="b", path="../b.tif", name="b", stem="b", height=9, width=9, objects=3))
    return [encode_manifest(Manifest("Cells", images, settings={"pixel_size_um": 0.5, "left_labels": {"c": "d"}}))]


def _table(_: Path) -> list[bytes]:
    rows = {str(value): {"class_id": 1, "score": value / 5} for value in range(1, 5)}
    return [json.dumps({"schema_version": 1, "objects": rows}).encode()]


def _open_table(path: Path) -> None:
    read_prediction(Prediction("a", "run-1", path, path.with_suffix(".tif"), path), SIZE)


def _job(folder: Path) -> TrainJob:
    return TrainJob(job_id="run-1", name="Nuclei", run_folder=folder, samples=(), formulation=Choice(name="joint"),
                    classes=(ClassSpec(id=1, name="cell"),), device="cpu")  # fmt: skip


def _events(_: Path) -> list[bytes]:
    said = [
        Started(device="cpu", device_name="a", pid=1),
        Progress(stage="Training", done=1, total=9),
        Metric(epoch=1, step=9, elapsed_s=9, values={"val_f1": 0.8}, best=True),
        Failed(code="a", message="b"),
    ]
    return ["".join(f"{item.model_dump_json()}\n" for item in said).encode()]


def _write_run(folder: Path) -> None:
    (folder / "job.json").write_text(_job(folder).model_dump_json())
    (folder / "events.jsonl").write_bytes(_events(folder)[0])


def _safetensors(_: Path) -> list[bytes]:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    return [struct.pack("<Q", len(header)) + header + bytes(24)]


def _open_weights(path: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from segstudio.engine.model_card import check_weights
    from segstudio.jobs.model_folder import damaged

    check_weights(path, {"a": torch.zeros(2, 3)})
    try:
        load_file(path)
    except SafetensorError as error:
        raise damaged(path, "its weights do not fit the network") from error


def _card(_: Path) -> list[bytes]:
    card = {
        "format": "segstudio-model", "schema_version": 1, "name": "Cells", "created": "2026-01-01T00:00:00",
        "formulation": {"name": "joint", "settings": {"a": 1}}, "architecture": {"name": "unet"}, "in_channels": 1,
        "channels": "gray", "classes": [{"id": 1, "name": "cell"}], "scores": {"f1": 0.5},
        "decode": {"threshold": 0.5},
    }  # fmt: skip
    return [json.dumps(card).encode()]


def _open_card(path: Path) -> None:
    from segstudio.session.model_import import read_foreign

    read_foreign(path.parent)


def zipped(*names: str, content: bytes = b"a") -> bytes:
    """Return an archive with members of these names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return stream.getvalue()


KINDS: dict[str, FileKind] = {
    "tiff": FileKind(_plain_tiff, as_image, "a.tif"),
    **{f"tiff-{name}": FileKind(_codec(name), as_image, "a.tif")
       for name in ("adobe_deflate", "lzw", "packbits", "zstd", "lzma", "jpeg", "jpeg2000", "webp", "lerc", "png")},
    "tiff-predictor": FileKind(_codec("adobe_deflate", predictor=True), as_image, "a.tif"),
    "imagej": FileKind(_imagej, as_image, "a.tif"),
    "ome": FileKind(_ome_tiff, as_image, "a.ome.tif"),
    "png": FileKind(_png, as_image, "a.png"),
    "jpeg": FileKind(_pillow("JPEG"), as_image, "a.jpg"),
    "gif": FileKind(_pillow("GIF"), as_image, "a.gif"),
    "bmp": FileKind(_pillow("BMP"), as_image, "a.bmp"),
    "webp": FileKind(_pillow("WEBP"), as_image, "a.webp"),
    "npy": FileKind(_npy, as_image, "a.npy"),
    "npz": FileKind(_npz, as_image, "a.npz"),
    "seg": FileKind(_seg, _open_seg, "a_seg.npy", beside=lambda folder: (folder / "out").mkdir()),
    "project": FileKind(_project, lambda path: load_manifest(path.parent), "project.json", is_text=True),
    "objects": FileKind(_of_annotation("labels/a.json"), read_objects, "objects.json", is_text=True,
                        beside=write_annotation),
    "labels": FileKind(_of_annotation("labels/a.tif"), open_annotation, "labels/a.tif", beside=write_annotation),
    "journal": FileKind(_of_annotation("journal/*.sj"), open_annotation, "journal/", beside=write_annotation),
    "decisions": FileKind(lambda _: [Decisions({1, 2}, {3: 4}).to_json()], Decisions.read, "review.json", is_text=True),
    "table": FileKind(_table, _open_table, "labels/a.json", is_text=True, beside=write_annotation),
    "job": FileKind(lambda folder: [_job(folder).model_dump_json().encode()],
                    lambda path: read_run(RunFolder(path.parent)), "job.json", is_text=True, beside=_write_run),
    "events": FileKind(_events, lambda path: read_run(RunFolder(path.parent)), "events.jsonl", is_text=True,
                       beside=_write_run),
    "card": FileKind(_card, _open_card, "model.json", is_text=True,
                     beside=lambda folder: (folder / "weights.safetensors").write_bytes(b"a")),
    "safetensors": FileKind(_safetensors, _open_weights, "a.safetensors"),
}  # fmt: skip
