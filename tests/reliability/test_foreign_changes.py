"""Experiments 9 and 10: whatever another program does to a project's files is noticed, and nothing is overwritten."""

import io
import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from golden.make_project import digest
from PIL import Image
from reliability.cases import Cases

from segstudio.core.errors import BadInput, UserError
from segstudio.io.labels_file import read_label_tiff, write_label_tiff
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

SIZE = 40
#: Side of an image of more than a megabyte, of which a look at both ends tells little.
LARGE = 1_100
ENDS = 1 << 17
KINDS = ("image", "large image", "labels", "objects", "regions", "manifest", "journal", "sums")
DEEDS = ("modify", "truncate", "swap", "rename", "touch", "replace", "delete", "older")
STEPS = 10


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


def check(lab: Lab, kind: str, deed: str, path: Path, before: bytes, written: bytes | None) -> None:
    """Whatever was changed is told, ours is as we left it, and theirs is kept."""
    where = f"{deed} of {kind} {path.name}, {lab.where}: {lab.told}"
    changed = deed != "touch" and (written is None or written != before)
    ours = written is not None and (path, written) in lab.had
    if (deed == "older" or (changed and ours)) and kind in ("labels", "objects", "regions"):
        changed = False  # a state of our own, as a crash leaves it: brought up to date, told only while it is open
    elif kind == "sums" or (kind == "journal" and deed == "rename"):
        pass  # nothing is lost with sums, and a journal is read whatever its name is
    elif changed:
        check_told(lab, kind, deed, path, where)
    else:
        assert not lab.told, f"noticed what is nothing: {where}"
    if kind in ("image", "large image"):
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
    elif changed and written is not None and deed != "swap" and must_be_kept(lab, kind):
        folder = path.parent if kind in ("labels", "objects", "regions") else lab.folder
        assert kept_somewhere(folder, written), f"their version was overwritten: {where}"
    return None


def must_be_kept(lab: Lab, kind: str) -> bool:
    """Sums are made anew, and what is written into an open journal in place gets our next actions over it."""
    return kind != "sums" and (kind != "journal" or lab.was_closed)


def check_told(lab: Lab, kind: str, deed: str, path: Path, where: str) -> None:
    """It is told of the file that was changed, and of no other."""
    names = {path.name, *(other.name for other in others_of(path) if deed == "swap")}
    if kind == "journal":
        names.add(f"journal of {lab.meant.stem} ")
    assert any(name in words for name in names for words in lab.told), f"not noticed: {where}"
    if kind == "manifest":  # by what theirs says of an image, it may be another one
        names.add("is not the file that was added to the project")
    for words in lab.told:
        assert any(name in words for name in names), f"of what nobody has changed: {where}"
        assert not (kind == "regions" and "/labels" in words), where
        assert not (kind == "labels" and "/regions" in words), where


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
    """Whether a file holds it; a journal grows at its end."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return any(path.read_bytes() == content or is_grown(path, content) for path in files)


def is_grown(path: Path, content: bytes) -> bool:
    return path.suffix == ".sj" and path.read_bytes().startswith(content)


@pytest.mark.slow
def test_whatever_another_program_does_is_noticed_and_nothing_is_overwritten(
    tmp_path: Path, cases: Cases, seed: int
) -> None:
    pairs = [(kind, deed) for kind in KINDS for deed in DEEDS if "image" not in kind or deed != "older"]
    for number in cases(merge=len(pairs), nightly=500, release=2_000):
        kind, deed = pairs[number % len(pairs)]
        lab = Lab(tmp_path / str(number), seed + number, large=kind == "large image")
        lab.told.clear()
        for _ in range(lab.chance.randrange(3)):
            lab.step()
        lab.told.clear()
        if lab.chance.random() < 0.5:
            lab.project.close()
            lab.was_closed = True
        else:
            lab.project.save()
            lab.was_closed = False
        path = lab.path_of(kind)
        if not path.exists() or not lab.can(deed, path):
            path = lab.project.files(lab.project.images[0].id).labels
            kind = "labels"
        lab.remember()
        before = path.read_bytes()
        written = meddle(lab, path, deed)
        if lab.was_closed:
            lab.project = Project.open(lab.folder)
            lab.listen()
        lab.finish()
        check(lab, kind, deed, path, before, written)
        lab.project.close()
        shutil.rmtree(tmp_path / str(number))


def test_a_second_journal_that_a_sync_program_brings_is_told_and_both_versions_are_kept(
    tmp_path: Path, cases: Cases, seed: int
) -> None:
    for number in cases(merge=2, nightly=20, release=100):
        lab = Lab(tmp_path / str(number), seed + number)
        entry = lab.chance.choice(lab.project.images)
        lab.project.close()
        before = set(lab.project.files(entry.id).journal.iterdir())
        theirs, elsewhere = worked_elsewhere(lab, entry.id)
        lab.project = Project.open(lab.folder)
        lab.draw(entry.id)
        lab.publish()
        lab.project.close()
        journal = lab.project.files(entry.id).journal
        for path in sorted((elsewhere / journal.relative_to(lab.folder)).glob("*.sj")):
            if journal / path.name not in before:
                shutil.copy(path, journal)
        lab.told.clear()
        lab.project = Project.open(lab.folder)
        lab.listen()
        document = lab.open(entry.id)
        where = f"{entry.name}, {lab.where}: {lab.told}"
        assert digest(document) == lab.truth[entry.id], f"work was lost: {where}"
        told = [words for words in lab.told if entry.stem in words and "in two places" in words]
        assert told, f"not noticed: {where}"
        same = (path for path in lab.folder.rglob("*.tif") if np.array_equal(read_label_tiff(path).to_array(), theirs))
        assert any(path.name in told[0] for path in same), f"their version is kept nowhere: {where}"
        lab.project.close()


def worked_elsewhere(lab: Lab, image_id: str) -> tuple[np.ndarray, Path]:
    """Draw on an image in a copy of the project, as on another computer; return the labels there, and the copy."""
    folder = shutil.copytree(lab.folder, lab.folder.with_name("elsewhere"))
    with Project.open(folder) as project:
        document = project.document(image_id)
        document.apply(Stroke([(20.0, 20.0), (30.0, 20.0)], 9, document.planes.objects.next_id()))
        return document.planes.labels.to_array(), folder
