"""The command line as a user types it: results, exit codes, sentences."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from segstudio.cli.evaluate import label_files
from segstudio.cli.main import main
from segstudio.cli.predict import predict_images
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))


def squares(folder: Path, count: int = 3) -> None:
    """Write bright squares with their masks as ``images/`` and ``masks/``."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index in range(count):
        labels = np.zeros((64, 64), np.uint16)
        labels[8:28, 8 + index : 28 + index], labels[38:58, 30:50] = 1, 2
        image = (labels > 0) * 120 + rng.integers(0, 20, labels.shape)
        tifffile.imwrite(folder / "images" / f"s{index}.tif", image.astype(np.uint8))
        tifffile.imwrite(folder / "masks" / f"s{index}.tif", labels)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    squares(folder / "train")
    squares(folder / "val", 1)
    return folder


FAST = [
    *("--formulation", "boundary", "--architecture.width", "4", "--architecture.depth", "1", "--device", "cpu"),
    *("--training.max_minutes", "0", "--training.epochs", "3", "--training.steps_per_epoch", "10"),
    *("--training.batch_size", "4", "--training.precision", "float32", "--data.patch_size", "32", "--quiet"),
]


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "squares"
    assert main(["train", str(data), "--out", str(folder), *FAST]) == 0
    return folder


def test_train_predict_evaluate_find_the_squares(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "predicted"
    assert main(["predict", str(run), str(data / "val" / "images"), "--out", str(out), "--quiet"]) == 0
    assert tifffile.imread(out / "s0.tif").shape == (64, 64)
    report = tmp_path / "report.json"
    assert main(["evaluate", str(out), str(data / "val" / "masks"), "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert figures["all"]["f1"]["0.50"] > 0.6
    assert figures["images"].keys() == {"s0"}
    assert "AP@0.8" in capsys.readouterr().out


def test_the_settings_given_as_flags_reach_the_run(run: Path) -> None:
    job = json.loads((run / "job.json").read_text())
    assert job["config"]["training"]["epochs"] == 3
    assert job["architecture"]["settings"] == {"width": 4, "depth": 1}
    assert job["name"] == "squares"


def test_resume_trains_on(run: Path) -> None:
    flags = ["--resume", "--training.epochs", "4", "--device", "cpu", "--quiet"]
    assert main(["train", "--out", str(run), *flags]) == 0
    epochs = [json.loads(line).get("epoch") for line in (run / "events.jsonl").read_text().splitlines()]
    assert max(epoch for epoch in epochs if epoch is not None) == 4


def test_a_run_that_goes_on_keeps_its_network(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    going_on = ["train", "--out", str(run), "--resume", "--architecture.width", "4", "--dry-run"]
    assert main(going_on) == 0  # as it is
    capsys.readouterr()
    assert main([*going_on, "--architecture.depth", "3"]) == 2
    assert "architecture.depth cannot be changed" in capsys.readouterr().err
    assert main([*going_on, "--architecture", "fcn", "--formulation", "stardist"]) == 2
    assert "formulation, architecture cannot be changed" in capsys.readouterr().err


def test_json_lines_are_messages(data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = str(data / "val" / "images" / "s0.tif")
    assert main(["predict", str(run), image, "--out", str(tmp_path), "--json-lines"]) == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"


def test_decoder_settings_are_flags_too(data: Path, run: Path, tmp_path: Path) -> None:
    image = str(data / "val" / "images" / "s0.tif")
    flags = ["--decode.min_size", "100000", "--quiet"]
    assert main(["predict", str(run), image, "--out", str(tmp_path), *flags]) == 0
    assert tifffile.imread(tmp_path / "s0.tif").max() == 0


def test_a_perfect_prediction_scores_one_and_a_missing_one_counts_as_empty(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = data / "train" / "masks"
    assert main(["evaluate", str(masks), str(masks), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["all"]["ap"]["0.95"] == 1
    (tmp_path / "s0.tif").write_bytes((masks / "s0.tif").read_bytes())
    assert main(["evaluate", str(tmp_path), str(masks), "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["all"]["recall"]["0.50"] == pytest.approx(1 / 3)
    assert "2 images have no prediction" in captured.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["predict", "nowhere", "a.tif", "--out", "o"], 3, "a.tif"),
        (["train", "nowhere", "--out", "o"], 3, "nowhere"),
        (["train", "--out", "o"], 2, "data to train on"),
        (["train", "--out", "nothing", "--resume"], 3, "holds no run"),
        (["evaluate", "nowhere", "nowhere"], 3, "nowhere"),
    ],
)
def test_errors_are_one_sentence_with_an_exit_code(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_wrong_setting_is_wrong_usage(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(data), "--out", str(tmp_path / "run"), "--training.batch_size", "-1"]) == 2
    assert "training.batch_size cannot be -1: it must be at least 0." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_unknown_formulation_names_the_known_ones(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(data), "--out", str(tmp_path / "run"), "--formulation", "magic", "--quiet"]
    assert main(words) == 2
    assert "joint" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_training_that_learned_nothing_leaves_nothing_and_can_be_started_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    words = ["train", str(data), "--out", str(tmp_path / "run"), *FAST]
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.engine.run.fit", fails)
        assert main(words) == 4
    assert "memory" in capsys.readouterr().err
    assert main(words) == 0


def test_a_training_stopped_before_its_first_step_says_that_there_is_no_model(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("segstudio.engine.run.fit", lambda *_: iter([Finished(outcome="stopped")]))
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *FAST]) == 4
    said = capsys.readouterr()
    assert "no model" in said.err
    assert "model:" not in said.out


def test_what_was_made_of_the_files_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squares(tmp_path, 4)
    for index in range(4):
        mask = tmp_path / "masks" / f"s{index}.tif"
        tifffile.imwrite(mask, ((tifffile.imread(mask) > 0) * 255).astype(np.uint8))
    image = tmp_path / "images" / "s0.tif"
    holes = tifffile.imread(image).astype(np.float32)
    holes[:3] = np.nan
    tifffile.imwrite(image, holes)
    words = [word for word in FAST if word != "--quiet"]
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "run"), *words]) == 0
    said = capsys.readouterr().err
    assert "s0.tif: 192 values are not numbers" in said
    assert "2 connected parts became the objects. The same holds for 3 other files." in said


def test_no_labelled_object_at_all_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squares(tmp_path)
    for mask in (tmp_path / "masks").iterdir():
        tifffile.imwrite(mask, np.zeros((64, 64), np.uint16))
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "run"), *FAST]) == 3
    assert "has a labelled object" in capsys.readouterr().err


def test_a_prediction_replaces_neither_images_nor_labels_made_by_hand(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    squares(tmp_path / "mine", 1)
    image, mask = tmp_path / "mine" / "images" / "s0.tif", tmp_path / "mine" / "masks" / "s0.tif"
    before = image.read_bytes(), mask.read_bytes()
    for out in (image.parent, mask.parent):
        assert main(["predict", str(run), str(image), "--out", str(out), "--quiet"]) == 2
        assert "would replace" in capsys.readouterr().err
    assert (image.read_bytes(), mask.read_bytes()) == before
    for _ in range(2):  # an earlier result may be replaced
        assert main(["predict", str(run), str(image), "--out", str(tmp_path / "out"), "--quiet"]) == 0


@pytest.mark.parametrize("place", ["labels", "regions", ".segstudio/journal", "runs/x", "predictions/run"])
def test_no_command_writes_where_a_project_keeps_its_own_files(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    project = tmp_path / "P"
    shutil.copytree(SAMPLES, project)
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    out = project / place
    images = [str(project / "images" / name) for name in ("nuclei-01.png", "nuclei-11.png")]
    assert main(["predict", str(run), *images, "--out", str(out), "--quiet"]) == 2
    assert "keeps its own files" in capsys.readouterr().err
    assert main(["export", str(project), "--format", "label-tiff", "--out", str(out), "--quiet"]) == 2
    assert "keeps its own files" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file() and file in before} == before
    assert not (out / "nuclei-11.tif").exists()


def test_labels_copied_out_of_a_project_are_no_earlier_prediction(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(SAMPLES / "labels", copied)
    before = {file: file.read_bytes() for file in copied.iterdir()}
    image = str(SAMPLES / "images" / "nuclei-01.png")
    assert main(["predict", str(run), image, "--out", str(copied), "--quiet"]) == 2
    assert "would replace" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in copied.iterdir()} == before


def test_images_left_out_of_a_prediction_are_named_and_exit_with_three(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes((data / "val" / "images" / "s0.tif").read_bytes()[:200])
    images = [str(data / "val" / "images" / "s0.tif"), str(broken)]
    assert main(["predict", str(run), *images, "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err
    assert "broken.tif" in said
    assert "1 of 2 images" in said
    assert [file.name for file in (tmp_path / "out").glob("*.tif")] == ["s0.tif"]


def test_a_run_folder_in_use_is_left_alone(data: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "job.json").read_bytes()
    assert main(["train", str(data), "--out", str(run), *FAST]) == 2
    assert "not empty" in capsys.readouterr().err
    assert (run / "job.json").read_bytes() == before


def test_two_images_of_one_name_are_refused(data: Path, run: Path, tmp_path: Path) -> None:
    images = [str(data / split / "images" / "s0.tif") for split in ("train", "val")]
    assert main(["predict", str(run), *images, "--out", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())


def test_a_folder_is_predicted_without_what_is_no_image_in_it(data: Path, tmp_path: Path) -> None:
    image = (data / "train" / "images" / "s0.tif").read_bytes()
    (tmp_path / "in").mkdir()
    for name in ("a.tif", ".hidden.tif", "._a.tif"):
        (tmp_path / "in" / name).write_bytes(image)
    (tmp_path / "in" / "folder.tif").mkdir()
    assert [found.image_id for found in predict_images([tmp_path / "in"], tmp_path / "out")] == ["a"]


def test_each_plane_of_a_stack_is_predicted_into_a_file_of_its_own(
    data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tifffile.imread(data / "val" / "images" / "s0.tif")
    stack = np.zeros((2, 3, *flat.shape), flat.dtype)
    stack[1, 2] = flat
    tifffile.imwrite(tmp_path / "film.tif", stack, imagej=True, metadata={"axes": "TZYX"})
    assert (
        main(["predict", str(run), str(tmp_path / "film.tif"), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    )
    found = {path.stem: int(tifffile.imread(path).max()) for path in sorted((tmp_path / "out").glob("*.tif"))}
    assert list(found) == [f"film_t{t}_z{z}" for t in (1, 2) for z in (1, 2, 3)]
    assert found["film_t2_z3"] > 0
    assert found["film_t1_z1"] == 0


def test_evaluate_takes_the_labels_beside_an_image_and_refuses_two_of_them(data: Path, tmp_path: Path) -> None:
    mask, image = (data / "train" / kind / "s0.tif" for kind in ("masks", "images"))
    for name, source in (("s0.tif", image), ("s0_masks.tif", mask), (".s0.tif", image)):
        shutil.copy(source, tmp_path / name)
    assert label_files(tmp_path) == {"s0": tmp_path / "s0_masks.tif"}
    shutil.copy(mask, tmp_path / "s0_labels.tif")
    with pytest.raises(BadInput, match=r"Both s0_labels\.tif and s0_masks\.tif"):
        label_files(tmp_path)


def test_a_training_refused_by_one_that_works_in_its_folder_leaves_that_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(run: RunFolder) -> None:
        raise WrongUsage("It is already being trained.", code="run-busy")

    monkeypatch.setattr(RunFolder, "claim", busy)
    assert main(["train", str(data), "--out", str(tmp_path / "run"), *FAST]) == 2
    assert "already being trained" in capsys.readouterr().err
    assert RunFolder(tmp_path / "run").job().name == "run"
    assert RunFolder(tmp_path / "run").events() == []


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has names that are no text")
def test_names_that_are_no_text_are_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.fsencode(tmp_path) + b"/m\xfcnster"
    squares(Path(os.fsdecode(folder)))
    folder_word = os.fsdecode(folder)
    for words in (
        ["train", folder_word, "--out", str(tmp_path / "run")],
        ["train", str(SAMPLES), "--out", folder_word + "run"],
        ["predict", str(tmp_path), folder_word + "/images", "--out", str(tmp_path / "out"), "--json-lines"],
        ["predict", str(tmp_path), str(SAMPLES / "images"), "--out", folder_word + "out"],
    ):
        assert main([*words, "--quiet"]) == 3
        assert "m?nster" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
