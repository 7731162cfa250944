"""Experiments 9 and 10: whatever another program does to a project's files is noticed, and nothing is overwritten."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from golden.make_project import digest
from reliability.cases import Cases
from reliability.foreign_lab import Lab, meddle, others_of

from segstudio.core.errors import BadInput, UserError
from segstudio.io.labels_file import read_label_tiff
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project

KINDS = ("image", "large image", "labels", "objects", "regions", "manifest", "journal", "sums")
DEEDS = ("modify", "truncate", "swap", "rename", "touch", "replace", "delete", "older")


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
        names |= {"is not the file that was added to the project", "its labels were made on"}
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
