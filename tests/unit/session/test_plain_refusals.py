"""Files and settings that are wrong are refused in sentences of this program, not in those of a library."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bake_off_records import record_of
from factories import write_pairs

from segstudio.core.errors import UserError
from segstudio.export.base import export
from segstudio.jobs.model_folder import CARD_NAME, FORMAT, WEIGHTS_NAME
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.project.project import Project
from segstudio.session.bake_off_record import read_record, record_path, write_record
from segstudio.session.model_import import read_foreign


def _project(folder: Path) -> None:
    write_pairs(folder, 1, (48, 48))
    project, _ = Project.create(folder / "project", [folder / "images"])
    project.close()
    file = folder / "project" / "project.json"
    content = json.loads(file.read_bytes())
    content["classes"][0]["colour"] = "red"
    for path in (folder / "project").rglob("project*.json*"):
        path.write_text(json.dumps(content))
    Project.open(folder / "project")


def _run(folder: Path) -> None:
    cell = ClassSpec(id=1, name="cell")
    run = RunFolder.create(TrainJob(job_id="j", name="first", run_folder=folder / "run", samples=(), classes=(cell,)))
    content = json.loads(run.job_file.read_bytes())
    content["classes"][0]["id"] = "many"
    run.job_file.write_text(json.dumps(content))
    run.job()


def _record(folder: Path) -> None:
    path = record_path(folder, "x")
    write_record(path, record_of("one", "two"))
    content = json.loads(path.read_bytes())
    del content["rows"][0]["run"]
    path.write_text(json.dumps(content))
    read_record(path)


def _model(folder: Path) -> None:
    (folder / WEIGHTS_NAME).write_bytes(b"")
    card = {"format": FORMAT, "schema_version": 1, "name": 3, "formulation": {"name": "joint"}}
    card |= {"architecture": {"name": "unet"}, "classes": [{"id": 1, "name": "cell"}]}
    (folder / CARD_NAME).write_text(json.dumps(card))
    read_foreign(folder)


def _export(folder: Path) -> None:
    export("binary-mask", [], folder / "out", {"separate": "perhaps"})


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (_project, "classes.0.colour: it is not written as it has to be."),
        (_run, "classes.0.id: it must be a whole number."),
        (_record, "rows.0.run: it is missing."),
        (_model, "name: it must be text."),
        (_export, "is wrong: it must be yes or no."),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(tmp_path: Path, refused: Callable[[Path], None], words: str) -> None:
    with pytest.raises(UserError) as caught:
        refused(tmp_path)
    assert words in caught.value.message
