"""Models from elsewhere: read without running anything of them, and copied into the project as runs."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from segstudio.config.problems import first_problem
from segstudio.core.classes import ClassTable
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.json_file import json_content
from segstudio.jobs.messages import Finished, to_line
from segstudio.jobs.model_folder import CARD_NAME, WEIGHTS_LIMIT, WEIGHTS_NAME, card_content, damaged, model_folder
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.session.job import new_job_id

_PIECE = 4 * 2**20


class _Card(BaseModel):
    """What the window has to know of a card; the engine checks the rest when it loads the model."""

    schema_version: int = Field(ge=1)
    name: str = Field(max_length=300)
    formulation: Choice
    architecture: Choice
    classes: tuple[ClassSpec, ...] = Field(min_length=1, max_length=1000)
    scores: dict[str, float] = {}
    weights_sha256: str = ""


@dataclass(frozen=True)
class ForeignModel:
    """A model outside of the project.

    Attributes
    ----------
    folder
        Where its card and its weights lie.
    card, content
        The card, checked and as it stands in its file.
    """

    folder: Path
    card: _Card
    content: Mapping[str, Any]

    @property
    def classes(self) -> tuple[ClassSpec, ...]:
        """What it finds."""
        return self.card.classes


def read_foreign(path: Path) -> ForeignModel:
    """Read the card of the model that `path` names (see `model_folder`).

    Raises
    ------
    BadModel
        There is no model, or it is damaged or of a newer program.
    """
    folder = model_folder(path)
    weights = folder / WEIGHTS_NAME
    if not weights.is_file():
        raise damaged(weights, "it is missing")
    content = card_content(folder)
    if weights.stat().st_size > WEIGHTS_LIMIT:
        raise damaged(weights, "it is too large")
    try:
        return ForeignModel(folder, _Card.model_validate(content), content)
    except ValidationError as error:
        raise damaged(folder / CARD_NAME, first_problem(error)) from error


def matched_classes(table: ClassTable, classes: Sequence[ClassSpec]) -> tuple[ClassTable, dict[int, int]]:
    """Find the classes of a model in a project's.

    Parameters
    ----------
    table
        The project's classes.
    classes
        The model's. A single one stands for the project's only one, whatever their names are.

    Returns
    -------
    The project's classes with those that were missing, and the id in them of each id of the model.
    """
    if len(classes) == len(table) == 1:
        return table, {classes[0].id: table.ids[0]}
    ids = {}
    for item in classes:
        if item.name not in table.names:
            table = table.add(item.name)
        ids[item.id] = table.ids[table.names.index(item.name)]
    return table, ids


def take_over(model: ForeignModel, runs: Path, ids: Mapping[int, int], known: Mapping[str, Path]) -> str:
    """Copy a model into the folder `runs` of a project; return the id of its run.

    Parameters
    ----------
    ids
        The project's id for each class id of the model.
    known
        Model folders of the project by name: one with the same weights is returned, a name is not used twice.

    Raises
    ------
    BadModel
        The weights do not belong to the card.
    DiskError
        It cannot be written. Nothing is left behind then.
    """
    for folder in known.values():
        if _is_same(model, folder):
            for _piece in _checked(model):
                pass  # what is said of the model that was chosen must be true of it
            return folder.parent.name
    run_id = new_job_id()
    run = RunFolder(runs / run_id)
    classes = tuple(ClassSpec(id=ids[item.id], name=item.name) for item in model.classes)
    job = TrainJob(
        job_id=run_id,
        name=_free(model.card.name.strip() or model.folder.name, known),
        run_folder=run.path,
        samples=(),
        classes=classes,
        formulation=model.card.formulation,
        architecture=model.card.architecture,
    )
    card = {**model.content, "classes": [item.model_dump() for item in classes]}
    ended = Finished(time=time.time(), job_id=run_id, outcome="done", summary={**model.card.scores})
    try:
        make_folders(run.model)
        write_atomic(run.model / WEIGHTS_NAME, _checked(model))
        write_atomic(run.model / CARD_NAME, json.dumps(card, indent=2).encode())
        write_atomic(run.events_file, to_line(ended).encode() + b"\n")
        # It comes last: a folder without a job is no run.
        write_atomic(run.job_file, job.model_dump_json(indent=2).encode())
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run_id


def _checked(model: ForeignModel) -> Iterator[bytes]:
    """Yield the weights in pieces; raise at the end when they are not those that the card was written for."""
    digest = hashlib.sha256()
    with (model.folder / WEIGHTS_NAME).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            yield piece
    if model.card.weights_sha256 and digest.hexdigest() != model.card.weights_sha256:
        raise damaged(model.folder / WEIGHTS_NAME, f"it does not belong to {CARD_NAME}")


def _is_same(model: ForeignModel, folder: Path) -> bool:
    try:
        mine = json_content(folder / CARD_NAME).get("weights_sha256")
    except (OSError, ValueError, AttributeError):
        return False
    return bool(mine) and mine == model.card.weights_sha256


def _free(name: str, taken: Mapping[str, Path]) -> str:
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name} ({number})"
    return found
