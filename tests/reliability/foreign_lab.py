"""A project, who works on it, and what another program may do to its files."""

import io
import os
import random
import time
from pathlib import Path

import numpy as np
from golden.make_project import digest
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

SIZE = 40
#: Side of an image of more than a megabyte, of which a look at both ends tells little.
LARGE = 1_100
ENDS = 1 << 17


class Lab:
    """A project, who works on it, and another program that does something between two steps."""

    def __init__(self, folder: Path, seed: int, *, large: bool = False) -> None:
        self.chance = random.Random(seed)
        self.where = f"seed {seed}"
        self.pictures = folder / "pictures"
        self.pictures.mkdir(parents=True)
        for number in range(3):
            side = LARGE if large and not number else SIZE
            (self.pictures / f"picture-{number}.png").write_bytes(picture(number, side))
        self.project, _ = Project.create(folder / "project", self.pictures)
        self.folder = self.project.folder
        self.told: list[str] = []
        self.heard: list[ImageDocument] = []
        self.truth: dict[str, str] = {}
        self.had: set[tuple[Path, bytes]] = set()
        self.was_closed = False
        self.listen()
        for entry in self.project.images:
            self.open(entry.id).apply(RegionFill(None, 1))
            self.draw(entry.id)
        self.publish()
        if large:
            self.wait_for_sums()
        self.older = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        for entry in self.project.images:
            self.draw(entry.id)
            self.draw(entry.id)
        self.publish()

    def remember(self) -> None:
        """Keep what the published files hold: any of it, put back, is a state of our own."""
        self.had |= {(path, path.read_bytes()) for path in self.folder.glob("*/*") if path.is_file()}

    def wait_for_sums(self) -> None:
        """Wait until the program knows the whole of each image: a thread of its own looks after it was opened."""
        end = time.monotonic() + 60
        while any(self.project._images.sums.known(entry) is None for entry in self.project.images):
            assert time.monotonic() < end, "the images were not summed"
            time.sleep(0.01)

    def listen(self) -> None:
        self.told += self.project.warnings
        self.project.tell_with(self.told.append)

    def draw(self, image_id: str) -> None:
        document = self.open(image_id)
        number = document.planes.objects.next_id()
        place = [(self.chance.uniform(4, SIZE - 4), self.chance.uniform(4, SIZE - 4))]
        document.apply(Stroke(place, 5, number))
        if self.chance.random() < 0.3:
            document.apply(Delete((self.chance.choice(sorted(document.planes.objects)),)))
        elif self.chance.random() < 0.3:
            document.apply(RegionFill(None, self.chance.randrange(2)))
        self.truth[image_id] = digest(document)

    def publish(self) -> None:
        for entry in self.project.images:
            assert self.open(entry.id).checkpoint(wait=True), self.where
        self.remember()
        self.project.set_name(f"name {self.chance.randrange(1 << 30)}")
        self.project.save()

    def open(self, image_id: str) -> ImageDocument:
        """Return a document; what it says on opening and later is heard."""
        document = self.project.document(image_id)
        if document not in self.heard:
            self.heard.append(document)
            self.told += document.notices
            document.noticed.connect(self.told.append)
        return document

    def step(self) -> None:
        """Do one thing that a user does."""
        what = self.chance.choice(("draw", "publish", "reopen", "rename", "split"))
        entry = self.chance.choice(self.project.images)
        if what == "draw":
            self.try_draw(entry.id)
        elif what == "publish":
            self.try_publish()
        elif what == "reopen":
            self.reopen()
        elif what == "rename":
            self.project.set_name(f"name {self.chance.randrange(1 << 30)}")
            self.project.save()
        else:
            self.project.set_split(entry.id, "train")

    def try_draw(self, image_id: str) -> None:
        try:
            self.draw(image_id)
        except BadInput as error:
            self.told.append(str(error))

    def try_publish(self) -> None:
        for entry in self.project.images:
            try:
                document = self.open(entry.id)
            except BadInput as error:
                self.told.append(str(error))
                continue
            assert document.checkpoint(wait=True), self.where
        self.project.save()

    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.folder)
        self.listen()

    def path_of(self, kind: str) -> Path:
        entry = self.meant = self.chance.choice(self.project.images)
        files = self.project.files(entry.id)
        return {
            "image": self.project.image_path(entry.id),
            "large image": self.pictures / "picture-0.png",
            "labels": files.labels,
            "objects": files.objects,
            "regions": files.regions,
            "manifest": self.folder / "project.json",
            "journal": max(files.journal.glob("*.sj"), default=files.journal / "none"),
            "sums": files.sums,
        }[kind]

    def can(self, deed: str, path: Path) -> bool:
        """Whether there is what a deed needs: the first of the region files may be there since a moment ago."""
        if deed == "swap":
            return bool(others_of(path)) or path.name == "project.json"
        return deed != "older" or path in self.older

    def finish(self) -> None:
        """Work on and close; then open all again and hear what is said."""
        for entry in self.project.images:
            self.try_draw(entry.id)
        self.try_publish()
        self.reopen()
        self.try_publish()


def meddle(lab: Lab, path: Path, deed: str) -> bytes | None:
    """Do as another program; return what it has written there, ``None`` when nothing of it is to be kept."""
    data = path.read_bytes()
    if deed == "modify":
        ends = ENDS if len(data) > 4 * ENDS else 0  # in the middle of a large one
        place = lab.chance.randrange(ends, len(data) - ends)
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << lab.chance.randrange(8))]) + data[place + 1 :])
    elif deed == "truncate":
        path.write_bytes(data[: lab.chance.randrange(len(data))])
    elif deed == "replace":
        path.write_bytes(replacement(lab, path))
    elif deed == "older":
        path.write_bytes(lab.older[path])
    elif deed == "touch":
        os.utime(path, (1_000_000, 1_000_000))
        return None
    elif deed == "rename":
        path.rename(path.with_name(f"moved away {path.name}"))
        return None
    elif deed == "delete":
        path.unlink()
        return None
    else:
        swap(path)
    return path.read_bytes()


def picture(seed: int, side: int) -> bytes:
    """Return a PNG whose bytes are about its pixels."""
    pixels = np.random.default_rng(seed).integers(0, 99, (side, side), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


def replacement(lab: Lab, path: Path) -> bytes:
    """Return something whole that another program might have saved in the place of a file."""
    if path.suffix == ".json":
        return path.read_bytes().replace(b'"name": "', b'"name": "other ', 1).replace(b'"class": 1', b'"class": 2', 1)
    if path.suffix != ".tif":
        return picture(lab.chance.randrange(1 << 30), SIZE)
    other = path.with_name("made elsewhere.tif")
    kind = np.uint8 if path.parent.name == "regions" else np.int32
    values = np.random.default_rng(lab.chance.randrange(1 << 30)).integers(0, 3, (SIZE, SIZE)).astype(kind)
    write_label_tiff(other, LabelMap.from_array(values))
    data = other.read_bytes()
    other.unlink()
    return data


def others_of(path: Path) -> list[Path]:
    return sorted(item for item in path.parent.glob(f"*{path.suffix}") if item != path and "foreign" not in item.name)


def swap(path: Path) -> None:
    """Exchange a file with one of its kind, as a program does that renames them."""
    others = others_of(path) or [path.with_name("project.json.bak")]
    spare = path.with_name("spare")
    path.rename(spare)
    others[0].rename(path)
    spare.rename(others[0])
