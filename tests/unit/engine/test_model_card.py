import errno
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.errors import BadModel
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, build_network, load_learned, load_model, save_model
from segstudio.io.disk import Disk, DiskError
from segstudio.jobs.model_folder import CARD_NAME, WEIGHTS_NAME, model_folder
from segstudio.jobs.spec import Choice, ClassSpec

SETTINGS = {"width": 4, "depth": 1}


def a_model(folder: Path, **changes: Any) -> ModelCard:
    torch.manual_seed(0)
    formulation = formulations.get("joint")()
    unet = architectures.get("unet")
    network = unet(unet.Config.model_validate(SETTINGS)).build(1, formulation.out_channels)
    values: dict[str, Any] = {
        "name": "a",
        "created": "2026-01-01T00:00:00+00:00",
        "formulation": Choice(name="joint"),
        "architecture": Choice(name="unet", settings=SETTINGS),
        "in_channels": 1,
        "channels": "gray",
        "classes": (ClassSpec(id=1, name="cell"),),
    }
    return save_model(folder, ModelCard(**{**values, **changes}), network.state_dict())


def change_card(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps({**card, **changes}))


def test_a_model_survives_the_disk(tmp_path: Path) -> None:
    card = a_model(tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.card == card
    assert not model.network.training
    torch.manual_seed(0)
    unet = architectures.get("unet")
    same = unet(unet.Config.model_validate(SETTINGS)).build(1, model.formulation.out_channels).eval()
    image = torch.rand(1, 1, 16, 16)
    assert torch.equal(same(image), model.network(image))


def test_only_a_model_that_has_learned_predicts(tmp_path: Path) -> None:
    card = a_model(tmp_path / "model")
    assert load_learned(tmp_path / "model").card == card
    a_model(tmp_path / "new", unlearned="its last layer")
    with pytest.raises(BadModel, match="finds nothing yet: its last layer has random weights"):
        load_learned(tmp_path / "new")


def test_a_formulation_with_a_network_of_its_own_builds_that(tmp_path: Path) -> None:
    card = a_model(tmp_path / "model").model_copy(update={"formulation": Choice(name="mask_rcnn")})
    formulation = formulations.get("mask_rcnn")()
    assert type(build_network(card, formulation)) is type(formulation.build_network(1))


def test_a_disk_that_is_full_takes_no_earlier_model_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = a_model(tmp_path / "model")

    def full(_disk: Disk, _descriptor: int, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Disk, "write", full)
    with pytest.raises(DiskError, match="disk is full"):
        a_model(tmp_path / "model", name="the next one")
    assert load_model(tmp_path / "model").card == before
    assert {path.name for path in (tmp_path / "model").iterdir()} == {CARD_NAME, WEIGHTS_NAME}


def test_a_model_is_found_from_its_run_and_from_its_files(tmp_path: Path) -> None:
    a_model(tmp_path / "model")
    for path in (tmp_path, tmp_path / "model", tmp_path / "model" / CARD_NAME, tmp_path / "model" / WEIGHTS_NAME):
        assert model_folder(path) == tmp_path / "model"


def test_a_foreign_or_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(b"PK\x03\x04")
    for path in (tmp_path / "other.pt", tmp_path, tmp_path / "gone"):
        with pytest.raises(BadModel, match=path.name):
            load_model(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 99}, "newer version"),
        ({"schema_version": -1}, "schema_version"),
        ({"pixel_size_um": -1}, "pixel_size_um"),
        ({"pixel_size_um": float("inf")}, "pixel_size_um"),
        ({"object_diameter_px": 0}, "object_diameter_px"),
        ({"format": "other"}, "cannot be used"),
        ({"in_channels": 0}, "in_channels"),
        ({"in_channels": 3}, "another shape"),
        ({"architecture": {"name": "unet", "settings": {"width": 8, "depth": 1}}}, "another shape"),
        ({"architecture": {"name": "unet", "settings": {"width": 10**9}}}, "architecture"),
        ({"architecture": {"name": "nonsense"}}, "nonsense"),
        ({"formulation": {"name": "nonsense"}}, "nonsense"),
        ({"weights_sha256": "0" * 64}, "does not match"),
        ({"classes": []}, "classes"),
        ({"normalisation": {"low_percentile": 99, "high_percentile": 1}}, "99 is not below 1"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    a_model(tmp_path)
    change_card(tmp_path, **changes)
    with pytest.raises(BadModel, match=words):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"colour": 3}, "know: colour: there is no such setting."),
        ({"width": 999}, "know: width: it must be at most 128."),
    ],
)
def test_settings_of_another_version_are_named(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    a_model(tmp_path / "model")
    change_card(tmp_path / "model", architecture={"name": "unet", "settings": {**SETTINGS, **settings}})
    with pytest.raises(BadModel, match=words):
        load_model(tmp_path / "model")


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    a_model(tmp_path)
    for text in ("", "[]", "{", "[" * 100_000):
        (tmp_path / CARD_NAME).write_text(text)
        with pytest.raises(BadModel):
            load_model(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"12345678",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 5) + b"\xff\xfe\xfd\xfc\xfb",
        os.urandom(5000),
    ],
)
def test_damaged_weights_are_refused(tmp_path: Path, data: bytes) -> None:
    a_model(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(data)
    with pytest.raises(BadModel):
        load_model(tmp_path)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    a_model(tmp_path)
    (tmp_path / WEIGHTS_NAME).unlink()
    with pytest.raises(BadModel, match="missing"):
        load_model(tmp_path)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_the_weights_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    folder = tmp_path_factory.mktemp("model")
    a_model(folder)
    data = bytearray((folder / WEIGHTS_NAME).read_bytes())
    data[place % len(data)] ^= change
    (folder / WEIGHTS_NAME).write_bytes(data)
    with pytest.raises(BadModel):
        load_model(folder)


def bad_models() -> list[Path]:
    data = Path(os.environ.get("SEGSTUDIO_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    return sorted((data / "bad" / "model").glob("*"))


@pytest.mark.skipif(not bad_models(), reason="the collection of bad files is not here (set SEGSTUDIO_DATA)")
@pytest.mark.parametrize("path", bad_models(), ids=lambda path: path.name)
def test_foreign_models_are_refused_and_nothing_of_them_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadModel, match="not a model of this program" if path.stat().st_size else "is empty"):
        load_model(path)
    a_model(tmp_path / "disguised")
    (tmp_path / "disguised" / WEIGHTS_NAME).write_bytes(path.read_bytes())
    with pytest.raises(BadModel):
        load_model(tmp_path / "disguised")
    assert not list(tmp_path.glob("PWNED*"))
