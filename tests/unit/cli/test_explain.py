"""The findings about a training on the command line: after it, and asked for later."""

import json
from pathlib import Path

import pytest
import tifffile
import torch
from factories import cells
from recorded_runs import recorded

from segstudio.cli.main import main
from segstudio.jobs.run_folder import RunFolder


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))


def _run(name: str, folder: Path) -> Path:
    job, messages = recorded(name)
    run = RunFolder.create(job.model_copy(update={"run_folder": folder / "run"}))
    for message in messages:
        run.append(message)
    return run.path


def test_explain_says_what_happened_by_which_figures_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(_run("rate-too-low", tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "! The network hardly learns: the learning rate seems too low."
    assert "from 1.9 to 1.8" in lines[1]
    assert lines[3] == "  Try: --training.learning_rate 0.005"


def test_explain_finds_nothing_wrong_with_a_healthy_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(_run("sample-project", tmp_path))]) == 0
    assert capsys.readouterr().out == "Nothing looks wrong.\n"


def test_findings_can_be_read_by_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(_run("overfitting", tmp_path)), "--json"]) == 0
    finding = json.loads(capsys.readouterr().out)[0]
    assert (finding["code"], finding["severity"], finding["epoch"]) == ("overfitting", "warning", 9)
    assert finding["settings"]["augmentation.scale"] == 0.2


def test_a_folder_without_a_run_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(tmp_path)]) == 3
    assert "holds no run" in capsys.readouterr().err


def test_a_training_ends_with_its_findings_and_its_rate_can_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for index in range(2):
        made = cells((64, 64), 4, seed=index)
        tifffile.imwrite(tmp_path / "data" / "images" / f"{index}.tif", made.image)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"{index}.tif", made.labels.astype("uint16"))
    words = [
        *("train", str(tmp_path / "data"), "--out", str(tmp_path / "run"), "--device", "cpu"),
        *("--formulation", "boundary", "--architecture.width", "4", "--architecture.depth", "1"),
        *("--training.epochs", "1", "--training.steps_per_epoch", "5", "--training.batch_size", "4"),
        *("--training.precision", "float32", "--data.patch_size", "32", "--training.seed", "1"),
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.index("model: ") < said.index("There are few labels to learn from.")
    assert main(["explain", str(tmp_path / "run"), "--find-rate"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Try: --training.learning_rate 0.")
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name == "cache"] == []
