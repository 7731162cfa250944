"""Models from elsewhere: taken over whole, or refused in one sentence with nothing left behind."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from segstudio.core.classes import ClassTable
from segstudio.core.errors import BadModel, UserError
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, load_model, save_model
from segstudio.jobs.model_folder import CARD_NAME, WEIGHTS_NAME
from segstudio.jobs.spec import Choice, ClassSpec
from segstudio.project.project import Project
from segstudio.session import model_import
from segstudio.session.model_import import matched_classes, read_foreign
from segstudio.session.notice import Notice
from segstudio.session.session import Session

SETTINGS = {"width": 4, "depth": 1}


def _model(folder: Path, *names: str) -> Path:
    """Write a small model as a training does."""
    ids = tuple(range(1, len(names) + 1))
    formulation = formulations.get("joint")(class_ids=ids)
    unet = architectures.get("unet")
    torch.manual_seed(len(names))
    network = unet(unet.Config.model_validate(SETTINGS)).build(1, formulation.out_channels)
    card = ModelCard(
        name="From the other laboratory",
        created="2026-01-02T03:04:05",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet", settings=SETTINGS),
        in_channels=1,
        channels="gray",
        classes=tuple(ClassSpec(id=id_, name=name) for id_, name in zip(ids, names, strict=True)),
        decode={"threshold": 0.4},
        scores={"f1": 0.75},
    )
    save_model(folder, card, network.state_dict())
    return folder


@pytest.fixture
def session(tmp_path: Path) -> Session:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()
    made = Session()
    made.open_project(tmp_path / "project")
    return made


def _import(session: Session, path: Path) -> str:
    got: list[str] = []
    session.runs.import_model(path, lambda run_id, _added: got.append(run_id))
    return got[0]


@pytest.mark.parametrize("where", ["", CARD_NAME, WEIGHTS_NAME, "run"])
def test_a_model_is_taken_over_so_that_the_engine_can_use_it(session: Session, tmp_path: Path, where: str) -> None:
    folder = _model(tmp_path / "run" / "model", "nucleus")
    run_id = _import(session, tmp_path / "run" if where == "run" else folder / where)
    run = session.runs.run(run_id)
    assert run is not None
    assert (run.name, run.status, run.f1, run.decode) == ("From the other laboratory", "done", 0.75, {"threshold": 0.4})
    assert run.has_model
    assert not run.resumable
    model = load_model(run.model)
    assert all(torch.equal(a, b) for a, b in zip(
        model.network.state_dict().values(), load_model(folder).network.state_dict().values(), strict=True
    ))  # fmt: skip
    session.close()


def test_it_is_there_when_the_project_is_opened_again_and_its_folder_is_gone(session: Session, tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", "nucleus")
    run_id = _import(session, folder)
    session.close()
    folder.rename(tmp_path / "elsewhere")
    again = Session()
    again.open_project(tmp_path / "project")
    run = again.runs.run(run_id)
    assert run is not None
    assert load_model(run.model).card.scores == {"f1": 0.75}
    again.close()


def test_the_same_model_is_not_copied_twice(session: Session, tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", "nucleus")
    first = _import(session, folder)
    assert _import(session, folder) == first
    own = session.runs.run(first)
    assert own is not None
    assert _import(session, own.folder) == first
    assert len(session.runs.all) == 1
    session.close()


def test_its_classes_are_found_by_their_names_and_missing_ones_added(session: Session, tmp_path: Path) -> None:
    project = session.project
    assert project is not None
    project.set_classes(ClassTable().add("mitosis"))  # cell 1, mitosis 2
    told: list[tuple[str, ...]] = []
    folder = _model(tmp_path / "model", "mitosis", "debris")
    session.runs.import_model(folder, lambda _run, added: told.append(added))
    assert told == [("debris",)]
    (run,) = session.runs.all
    assert project.classes.names == ("cell", "mitosis", "debris")
    assert load_model(run.model).card.class_ids == (2, 3)
    session.close()


def test_the_only_class_of_a_model_is_the_only_one_of_the_project() -> None:
    table = ClassTable()
    assert matched_classes(table, [ClassSpec(id=7, name="nucleus")]) == (table, {7: 1})


def _refused(path: Path) -> str:
    with pytest.raises(BadModel) as caught:
        read_foreign(path)
    assert caught.value.hint
    return str(caught.value)


def test_what_is_no_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    assert "not a model" in _refused(tmp_path)
    assert "no model at" in _refused(tmp_path / "nothing")
    (tmp_path / CARD_NAME).write_text('{"format": "another"}')
    assert "weights.safetensors cannot be used: it is missing" in _refused(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(b"x")
    assert "not the card" in _refused(tmp_path)
    for text in ("", "[1]", "[" * 10_000, '{"format": "segstudio-model", "schema_version": "one"}'):
        (tmp_path / CARD_NAME).write_text(text)
        assert "not the card" in _refused(tmp_path)
    (tmp_path / CARD_NAME).write_text('{"format": "segstudio-model", "schema_version": 1}')
    assert "model.json cannot be used: name: " in _refused(tmp_path)
    (tmp_path / CARD_NAME).write_text('{"format": "segstudio-model", "schema_version": 99}')
    assert "newer version" in _refused(tmp_path)


def test_weights_that_no_network_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _model(tmp_path / "model", "nucleus")
    monkeypatch.setattr(model_import, "WEIGHTS_LIMIT", (folder / WEIGHTS_NAME).stat().st_size - 1)
    assert "weights.safetensors cannot be used: it is too large" in _refused(folder)


def test_weights_of_another_model_are_refused_and_nothing_stays(session: Session, tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", "nucleus", "debris")
    with (folder / WEIGHTS_NAME).open("ab") as file:
        file.write(b"!")
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.runs.import_model(folder, lambda _run, _added: pytest.fail("it must not be taken"))
    assert "does not belong to" in said[-1].message
    project = session.project
    assert project is not None
    assert not session.runs.all
    assert not any(project.runs_folder.iterdir())
    assert project.classes == ClassTable()
    session.close()


def test_a_damaged_copy_of_a_model_that_is_there_is_called_damaged(session: Session, tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", "nucleus")
    _import(session, folder)
    with (folder / WEIGHTS_NAME).open("ab") as file:
        file.write(b"!")
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.runs.import_model(folder, lambda _run, _added: pytest.fail("it must not be taken"))
    assert "does not belong to" in said[-1].message
    session.close()


def test_a_project_that_is_only_read_takes_none(session: Session, tmp_path: Path) -> None:
    folder = _model(tmp_path / "model", "nucleus")
    session.close()
    reader = Session()
    reader.open_project(tmp_path / "project", read_only=True)
    with pytest.raises(UserError, match="reading only"):
        reader.runs.import_model(folder, lambda _run, _added: None)
    reader.close()


def test_two_models_of_one_name_can_be_told_apart(session: Session, tmp_path: Path) -> None:
    _import(session, _model(tmp_path / "one", "nucleus"))
    second = _model(tmp_path / "two", "nucleus", "debris")
    run = session.runs.run(_import(session, second))
    assert run is not None
    assert run.name == "From the other laboratory (2)"
    assert json.loads((second / CARD_NAME).read_text())["name"] == "From the other laboratory"
    session.close()
