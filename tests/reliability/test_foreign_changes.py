"""Experiments 9 and 10: whatever another program does to a project's files is noticed, and nothing is overwritten."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from golden.make_project import digest
from reliability.cases import Cases

from segstudio.core.errors import BadInput, UserError
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

SIZE = 40
KINDS = ("image", "labels", "objects", "regions", "manifest")
DEEDS = ("modify", "truncate", "swap", "rename", "touch", "replace", "delete", "older")
STEPS = 10


class Lab:
    """A project, who works on it, and another program that does something between two steps."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.where = f"seed {seed}"
        self.pictures = folder / "pictures"
        self.pictures.mkdir(parents=True)
        for number in range(3):
            tifffile.imwrite(
                self.pictures / f"{number}.tif", np.random.default_rng(number).integers(0, 99, (SIZE, SIZE))
            )
        self.project, _ = Project.create(folder / "project", self.pictures)
        self.folder = self.project.folder
        self.told: list[str] = []
        self.heard: list[ImageDocument] = []
        self.truth: dict[str, str] = {}
        self.had: set[tuple[Path, bytes]] = set()
        self.listen()
        for entry in self.project.images:
            self.draw(entry.id)
        self.publish()
        self.older = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        for entry in self.project.images:
            self.draw(entry.id)
            self.draw(entry.id)
        self.publish()

    def remember(self) -> None:
        """Keep what the published files hold: any of it, put back, is a state of our own."""
        self.had |= {(path, path.read_bytes()) for path in self.folder.glob("*/*") if path.is_file()}

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
            document.apply(RegionFill(None, 1))
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
        entry = self.chance.choice(self.project.images)
        files = self.project.files(entry.id)
        return {
            "image": self.project.image_path(entry.id),
            "labels": files.labels,
            "objects": files.objects,
            "regions": files.regions,
            "manifest": self.folder / "project.json",
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
        place = lab.chance.randrange(len(data))
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


def replacement(lab: Lab, path: Path) -> bytes:
    """Return something whole that another program might have saved in the place of a file."""
    if path.suffix == ".json":
        return path.read_bytes().replace(b'"name": "', b'"name": "other ', 1).replace(b'"class": 1', b'"class": 2', 1)
    other = path.with_name("made elsewhere.tif")
    if path.parent.name in ("labels", "regions"):
        kind = np.uint8 if path.parent.name == "regions" else np.int32
        values = np.random.default_rng(lab.chance.randrange(1 << 30)).integers(0, 3, (SIZE, SIZE)).astype(kind)
        write_label_tiff(other, LabelMap.from_array(values))
    else:
        tifffile.imwrite(other, np.full((SIZE, SIZE), lab.chance.randrange(1 << 30)))
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


def check(lab: Lab, kind: str, deed: str, path: Path, before: bytes, written: bytes | None) -> None:
    """Whatever was changed is told, ours is as we left it, and theirs is kept."""
    where = f"{deed} of {kind} {path.name}, {lab.where}: {lab.told}"
    changed = deed != "touch" and (written is None or written != before)
    ours = written is not None and (path, written) in lab.had
    if (deed == "older" or (changed and ours)) and kind in ("labels", "objects", "regions"):
        changed = False  # a state of our own, as a crash leaves it: brought up to date, told only while it is open
    elif changed:
        assert any(path.name in words or "other words" in words for words in lab.told), f"not noticed: {where}"
    else:
        assert not lab.told, f"noticed what is nothing: {where}"
    if kind == "image":
        return check_images(lab, where)
    theirs = kind == "manifest" and any("opened as it is now" in words for words in lab.told)
    for image_id, truth in lab.truth.items():
        try:
            document = lab.project.document(image_id)
        except (BadInput, KeyError) as refusal:  # it is another image than theirs says, or has another id there
            assert theirs, where
            assert getattr(refusal, "code", "image-changed") == "image-changed", where  # noqa: PT017
            check_with(lab, before, image_id, where)
        else:
            assert digest(document) == truth, f"work was lost: {where}"
    if theirs:
        # Theirs is the one that is worked on; it is ours that has to be kept.
        assert kept_somewhere(lab.folder, before), f"our version was overwritten: {where}"
    elif changed and written is not None and deed != "swap":
        assert kept_somewhere(lab.folder, written), f"their version was overwritten: {where}"
    return None


def check_with(lab: Lab, manifest: bytes, image_id: str, where: str) -> None:
    """With our manifest put back, an image holds what was drawn on it."""
    folder = shutil.copytree(lab.folder, lab.folder.with_name("put back"))
    (folder / "project.json").write_bytes(manifest)
    for newer in ("project.json.bak", ".segstudio/sums/_project.json"):  # what was saved since is theirs
        (folder / newer).unlink()
    with Project.open(folder) as project:
        assert digest(project.document(image_id)) == lab.truth[image_id], f"work was lost: {where}"
    shutil.rmtree(folder)


def check_images(lab: Lab, where: str) -> None:
    """No image that is another one now carries labels; those of the others are as they were."""
    for entry in lab.project.images:
        try:
            lab.project.check_image(entry.id)
        except UserError:
            with pytest.raises(UserError):
                lab.project._open_image(entry.id)
        else:
            assert digest(lab.project.document(entry.id)) == lab.truth[entry.id], where


def kept_somewhere(folder: Path, content: bytes) -> bool:
    return any(path.is_file() and path.read_bytes() == content for path in folder.rglob("*"))


@pytest.mark.slow
def test_whatever_another_program_does_is_noticed_and_nothing_is_overwritten(
    tmp_path: Path, cases: Cases, seed: int
) -> None:
    pairs = [(kind, deed) for kind in KINDS for deed in DEEDS if (kind, deed) != ("image", "older")]
    for number in cases(merge=40, nightly=500, release=2_000):
        kind, deed = pairs[number % len(pairs)]
        lab = Lab(tmp_path / str(number), seed + number)
        lab.told.clear()
        for _ in range(lab.chance.randrange(3)):
            lab.step()
        lab.told.clear()
        if lab.chance.random() < 0.5:
            lab.project.close()
            is_open = False
        else:
            lab.project.save()
            is_open = True
        path = lab.path_of(kind)
        if not path.exists() or not lab.can(deed, path):
            path = lab.project.files(lab.project.images[0].id).labels
            kind = "labels"
        lab.remember()
        before = path.read_bytes()
        written = meddle(lab, path, deed)
        if not is_open:
            lab.project = Project.open(lab.folder)
            lab.listen()
        lab.finish()
        check(lab, kind, deed, path, before, written)
        lab.project.close()
        shutil.rmtree(tmp_path / str(number))
