"""``segstudio train``: the plan that starts nothing, and sentences about data that are odd."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells, write_pairs

from segstudio.cli.main import main
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, save_model
from segstudio.jobs.messages import Facts, Warned, from_line
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec

SMALL = ["--device", "cpu", "--architecture.width", "4", "--architecture.depth", "1", "--formulation", "semantic"]
SHORT = [
    *("--training.max_minutes", "0", "--training.epochs", "1", "--training.steps_per_epoch", "2", "--quiet"),
    *("--training.batch_size", "2", "--training.precision", "float32", "--data.patch_size", "32"),
]
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def spoken(*words: str) -> tuple[int, str]:
        code = main(["train", *words, *SMALL])
        return code, capsys.readouterr().out

    return spoken


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "data" / "train", 3, (48, 48), diameter=12)
    write_pairs(tmp_path / "data" / "val", 1, (48, 48), seed=9, diameter=12)
    return tmp_path / "data"


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_the_plan_is_printed_and_nothing_is_written(data: Path, tmp_path: Path, say: Say) -> None:
    before = files_in(tmp_path)
    code, text = say(str(data), "--out", str(tmp_path / "run"), "--dry-run", "--training.epochs", "40")
    assert code == 0
    lines = {line[:14].strip(): line[15:] for line in text.splitlines()}
    assert lines["Training"].startswith("3 images, ")
    assert lines["Validation"].startswith("1 image, ")
    assert "cell_00.tif, the folder val" in text
    assert lines["Network"].startswith("unet, ")
    assert "looks " in lines["Network"]
    assert lines["Network"].endswith("from random weights")
    assert lines["Patches"] == "128 px, 8 in a batch"
    assert lines["Length"] == "40 epochs (2000 steps)"
    assert lines["Learning rate"] == "one-cycle, at most 0.005, by adamw"
    assert lines["Device"].startswith("cpu (")
    assert lines["Memory"].startswith("about ")
    assert str(tmp_path / "run") in lines["Run"]
    assert files_in(tmp_path) == before


def test_a_training_from_a_model_has_its_network(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Choice(name="linknet", settings={"encoder_depth": 2})
    card = ModelCard(
        name="first",
        created="2026-11-21",
        formulation=Choice(name="semantic"),
        architecture=network,
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
    )
    kind = architectures.get("linknet")
    built = kind(kind.smallest()).build(1, formulations.get("semantic")().out_channels)
    save_model(tmp_path / "first", card, built.state_dict())
    words = ["train", str(data), "--out", str(tmp_path / "run"), "--model", str(tmp_path / "first"), "--dry-run"]
    words += ["--formulation", "semantic", "--device", "cpu"]
    assert main(words) == 0
    assert "linknet, " in capsys.readouterr().out
    assert main([*words, "--architecture", "unet"]) == 3
    assert "its network is LinkNet, this training is for U-Net" in capsys.readouterr().err


def test_settings_of_the_network_may_stand_before_the_data(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--architecture.width", "4", "--formulation", "semantic", "--architecture.depth=1", str(data)]
    assert main(["train", *words, "--out", str(tmp_path / "run"), "--device", "cpu", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *SMALL, "--dry-run"]) == 0
    network = [line for line in said.splitlines() if line.startswith("Network")]
    assert network == [line for line in capsys.readouterr().out.splitlines() if line.startswith("Network")]


def test_one_minute_is_not_several(data: Path, tmp_path: Path, say: Say) -> None:
    code, text = say(str(data), "--out", str(tmp_path / "run"), "--dry-run", "--training.max_minutes", "1")
    assert code == 0
    assert "Length         1 minute\n" in text


def test_as_json_the_plan_is_one_of_the_lines(data: Path, tmp_path: Path, say: Say) -> None:
    code, text = say(str(data), "--out", str(tmp_path / "run"), "--dry-run", "--json", "--training.accumulate", "3")
    assert code == 0
    (facts,) = [message for message in map(from_line, text.splitlines()) if isinstance(message, Facts)]
    values = facts.values
    assert (values["train_images"], values["batch"], values["batches_in_step"], values["minutes"]) == (3, 8, 3, 10)
    assert values["train_objects:object"] == values["train_objects"]
    assert 5 < float(values["memory_mb"] or 0) < 2000
    assert values["run_folder"] == str(tmp_path / "run")
    assert json.loads(text.splitlines()[-1])["kind"] == "finished"


def test_the_plan_refuses_what_the_training_would(data: Path, tmp_path: Path, say: Say) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("x")
    assert say(str(data), "--out", str(tmp_path / "run"), "--dry-run")[0] == 2
    words = ["--dry-run", "--training.schedule", "cosine", "--training.max_minutes", "0"]
    assert say(str(data), "--out", str(tmp_path / "other"), *words)[0] == 2


def pairs_of(folder: Path, **splits: list[np.ndarray]) -> Path:
    image = cells((48, 48), 6, diameter=12).image
    for split, masks in splits.items():
        for name in ("images", "masks"):
            (folder / split / name).mkdir(parents=True)
        for number, mask in enumerate(masks):
            tifffile.imwrite(folder / split / "images" / f"{number}.tif", image[: mask.shape[0], : mask.shape[1]])
            tifffile.imwrite(folder / split / "masks" / f"{number}.tif", mask.astype(np.uint16))
    return folder


def a_mask(shape: tuple[int, int] = (48, 48), *objects: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(shape, np.int32)
    for number, place in enumerate(objects, start=1):
        mask[place] = number
    return mask


SQUARE = (slice(10, 20), slice(10, 20))
PIXEL = (slice(10, 11), slice(10, 11))


def test_labels_without_any_object_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pairs_of(tmp_path / "data", train=[a_mask()], val=[a_mask()])
    assert main(["train", str(folder), "--out", str(tmp_path / "run"), *SMALL, *SHORT]) == 3
    said = capsys.readouterr().err
    assert "has a labelled object" in said
    assert "Traceback" not in said
    assert not RunFolder(tmp_path / "run").learned


def test_a_training_that_is_refused_leaves_nothing_that_was_not_there(tmp_path: Path) -> None:
    folder = pairs_of(tmp_path / "data", train=[a_mask()], val=[a_mask()])
    (tmp_path / "mine").mkdir()
    before = files_in(tmp_path)
    for out in ("run", "several/new/folders", "mine"):
        assert main(["train", str(folder), "--out", str(tmp_path / out), *SMALL, *SHORT]) == 3
        assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    "mask",
    [
        a_mask((48, 48), SQUARE),
        a_mask((48, 48), PIXEL),
        np.arange(1, 48 * 48 + 1).reshape(48, 48),
        np.ones((48, 48), np.int32),
        a_mask((20, 1), (slice(10, 15), slice(0, 1))),
    ],
    ids=[
        "one object",
        "one pixel",
        "an object per pixel",
        "an object as large as the image",
        "an image one pixel wide",
    ],
)
def test_odd_objects_make_a_model(tmp_path: Path, mask: np.ndarray) -> None:
    folder = pairs_of(tmp_path / "data", train=[mask], val=[mask])
    assert main(["train", str(folder), "--out", str(tmp_path / "run"), *SMALL, *SHORT]) == 0
    assert RunFolder(tmp_path / "run").model.exists()


def test_a_validation_without_objects_and_a_patch_larger_than_the_images_are_told(tmp_path: Path) -> None:
    folder = pairs_of(tmp_path / "data", train=[a_mask((24, 40), SQUARE)], val=[a_mask()])
    assert main(["train", str(folder), "--out", str(tmp_path / "run"), *SMALL, *SHORT]) == 0
    told = {item.code: item.message for item in RunFolder(tmp_path / "run").events() if isinstance(item, Warned)}
    assert "say nothing" in told["validation-empty"]
    assert "patch of 32 px" in told["patch-larger"]
    assert "40 x 24 px" in told["patch-larger"]
