"""Weights of other programs: taken where they fit, by a process in which nothing of the file runs."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from segstudio.cli.main import main
from segstudio.core.errors import BadModel, WrongUsage
from segstudio.engine import weights_import, weights_reader
from segstudio.engine.model_card import load_model
from segstudio.engine.run import run_job
from segstudio.engine.weights_import import fit, read_weights
from segstudio.jobs.model_folder import model_folder
from segstudio.jobs.spec import Choice, ClassSpec, ImportWeightsJob

ENCODER = ("--architecture", "encoder_unet", "--formulation", "semantic", "--classes", "cell")


def saved(folder: Path, content: Any, name: str = "weights.pt") -> Path:
    path = folder / name
    torch.save(content, path)
    return path


def brought(path: Path, *words: str) -> int:
    return main(["import-weights", str(path), "--out", str(path.parent / "model"), *words])


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, str]]:
    """Return what the confined process answers, asked here: each would take seconds to begin."""
    monkeypatch.setattr(weights_reader, "limit_time", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    return lambda path: json.loads(weights_reader.answer(json.dumps({"path": str(path)}).encode(), tmp_path))


@pytest.fixture
def read_here(told: Callable[[Path], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let weights be read in this process, as `told` does; others read them in the confined one."""

    def ask(command: list[str], memory: int, path: Path, seconds: float) -> dict[str, str]:
        request = json.dumps({"path": str(path.absolute())}).encode()
        return dict(json.loads(weights_reader.answer(request, Path(command[-1]))))

    monkeypatch.setattr(weights_import, "ask_once", ask)


def test_a_whole_network_of_the_library_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import segmentation_models_pytorch as smp

    torch.manual_seed(3)
    net = smp.Unet("resnet18", encoder_depth=3, encoder_weights=None, decoder_channels=(64, 32, 16), in_channels=1,
                   classes=5)  # fmt: skip
    path = saved(tmp_path, {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}})
    assert brought(path, *ENCODER) == 0, capsys.readouterr().err
    model = load_model(tmp_path / "model")
    weights = model.network.state_dict()
    assert torch.equal(weights["model.encoder.conv1.weight"], net.encoder.conv1.weight)
    assert torch.equal(weights["model.decoder.blocks.0.conv1.0.weight"], net.decoder.blocks[0].conv1[0].weight)
    assert "its last layer begins with random weights" in capsys.readouterr().out


def test_an_encoder_of_torchvision_is_taken_for_gray_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = torchvision.models.resnet18(weights=None)
    assert brought(saved(tmp_path, net.state_dict()), *ENCODER) == 0
    weights = load_model(tmp_path / "model").network.state_dict()
    assert torch.allclose(weights["model.encoder.conv1.weight"], net.conv1.weight.sum(1, keepdim=True))
    assert float(weights["input_mean"]) > 0
    assert "all but its encoder" in capsys.readouterr().out


@pytest.mark.usefixtures("read_here")
def test_nothing_is_predicted_with_weights_that_are_random_in_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert brought(saved(tmp_path, torchvision.models.resnet18(weights=None).state_dict()), *ENCODER) == 0
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    words = ["predict", str(tmp_path / "model"), str(tmp_path / "a.tif"), "--out", str(tmp_path / "out")]
    assert main(words) == 3
    assert "weights finds nothing yet: all but its encoder has random weights." in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.tif"))


@pytest.mark.usefixtures("read_here")
def test_what_fits_nothing_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, nn.Linear(3, 4).state_dict())
    assert brought(path, *ENCODER) == 3
    said = capsys.readouterr().err
    assert "weights.pt holds 2 tensors, as bias (4), which do not fit this network" in said
    assert not (tmp_path / "model").exists()


def _job(path: Path, folder: Path, **more: Any) -> ImportWeightsJob:
    wish = {"formulation": Choice(name="semantic"), "architecture": Choice(name="encoder_unet"), **more}
    return ImportWeightsJob(
        job_id="1", weights=path, output=folder / "model", name="Theirs", classes=(ClassSpec(id=3, name="a"),), **wish
    )


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize(("channels", "seen"), [(1, "gray"), (3, "rgb"), (5, "channels")])
def test_the_window_gets_a_model_for_its_images(channels: int, seen: str, tmp_path: Path) -> None:
    path = saved(tmp_path, torchvision.models.resnet18(weights=None).state_dict())
    messages = list(run_job(_job(path, tmp_path, channels=channels)))
    assert [message.kind for message in messages] == ["started", "progress", "artifact", "finished"]
    assert messages[2].details == {"unlearned": "all but its encoder"}
    card = load_model(tmp_path / "model").card
    assert (card.name, card.in_channels, card.channels, card.class_ids) == ("Theirs", channels, seen, (3,))


def test_a_network_of_its_own_takes_no_weights(tmp_path: Path) -> None:
    path = saved(tmp_path, torchvision.models.resnet18(weights=None).state_dict())
    with pytest.raises(WrongUsage, match="has a network of its own"):
        list(run_job(_job(path, tmp_path, formulation=Choice(name="mask_rcnn"))))
    assert not (tmp_path / "model").exists()


def test_a_model_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    with pytest.raises(WrongUsage, match="There is a model in"):
        list(run_job(_job(tmp_path / "a.pt", tmp_path)))
    assert (tmp_path / "model" / "model.json").read_text() == "{}"


def test_weights_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"There is no file .*a\.pt"):
        read_weights(tmp_path / "a.pt")


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch PWNED",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_it_does_not_run(zipped: bool, tmp_path: Path, told: Callable[[Path], dict[str, str]]) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": {"a": _Code()}}, path, _use_new_zipfile_serialization=zipped)
    assert "system" in told(path)["foreign"]
    assert not (tmp_path / "PWNED").exists()


def test_code_in_it_is_named_to_the_user(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"weights.pt holds more than weights \(.*system\), which could run code"):
        read_weights(saved(tmp_path, {"a": _Code()}))
    assert not (tmp_path / "weights.safetensors").exists()


def test_a_whole_module_is_refused(tmp_path: Path, told: Callable[[Path], dict[str, str]]) -> None:
    assert "torch.nn" in told(saved(tmp_path, nn.Sequential(nn.Conv2d(1, 1, 3))))["foreign"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_programs_and_packages_are_refused_by_what_they_are(
    tmp_path: Path, told: Callable[[Path], dict[str, str]]
) -> None:
    script = tmp_path / "script.pt"
    torch.jit.save(torch.jit.script(nn.Conv2d(1, 1, 3)), script)
    assert "TorchScript program" in told(script)["problem"]
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("rdf.yaml", "a")
    assert "bioimage.io" in told(package)["problem"]
    kinds = (("a.onnx", b"\x08\x07", "ONNX"), ("a.h5", b"\x89HDF\r\n", "Keras"), ("a.pt", b"", "is empty"))
    for name, content, said in (*kinds, ("b.pt", b"\x80\x02", "ends early")):
        (tmp_path / name).write_bytes(content)
        assert said in told(tmp_path / name)["problem"]


def test_tensors_without_names_are_no_weights(tmp_path: Path, told: Callable[[Path], dict[str, str]]) -> None:
    assert "no weights that have names" in told(saved(tmp_path, [torch.zeros(3)]))["problem"]


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize("inside", ["state_dict", "model", "net", None])
def test_tensors_with_names_are_written_out_and_nothing_else(
    inside: str | None, tmp_path: Path, told: Callable[[Path], dict[str, str]]
) -> None:
    turned = torch.arange(6.0).reshape(2, 3).T
    weights = {"a": turned, "step": 3, 7: torch.ones(2), "sparse": torch.eye(3).to_sparse()}
    assert told(saved(tmp_path, weights if inside is None else {"epoch": 3, inside: weights})) == {}
    written = load_file(tmp_path / weights_reader.RESULT)
    assert list(written) == ["a"]
    assert torch.equal(written["a"], turned)


@pytest.mark.parametrize(
    ("members", "said"),
    [(["metadata.json", "config.json", "model.weights.h5"], "a file of Keras"), (["a.txt"], "archive without weights")],
)
def test_archives_of_something_else_are_named(
    members: list[str], said: str, tmp_path: Path, told: Callable[[Path], dict[str, str]]
) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        for name in members:
            archive.writestr(name, "a")
    assert said in told(tmp_path / "a.pt")["problem"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "reading it broke off"),
        ({"problem": "it needs more memory than it may take"}, "it needs more memory than it may take"),
        ({}, "its weights could not be taken over"),
    ],
    ids=["it died", "a reason", "nothing written"],
)
def test_a_process_that_gives_no_weights_is_told_with_the_file(
    answer: dict[str, str] | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_import, "ask_once", lambda *args: answer)
    with pytest.raises(BadModel, match=rf"No weights were taken from weights\.pt: {said}\."):
        read_weights(saved(tmp_path, {"a": torch.zeros(3)}))


def test_a_tensor_of_another_shape_is_named_with_both() -> None:
    own = {"a": torch.zeros(3, 4), "b": torch.zeros(2)}
    with pytest.raises(BadModel, match="do not fit this network: a is 3 × 5 there and 3 × 4 here"):
        fit(Path("w.pt"), {"a": torch.ones(3, 5), "b": torch.ones(2)}, own, set())
    with pytest.raises(BadModel, match=r"holds 1 tensor, as b .* does not fit this network: a is missing"):
        fit(Path("w.pt"), {"b": torch.ones(2)}, own, set())


def test_the_window_says_how_to_bring_them_in(tmp_path: Path) -> None:
    with pytest.raises(BadModel) as caught:
        model_folder(saved(tmp_path, {"a": torch.zeros(3)}))
    assert "segstudio import-weights weights.pt" in caught.value.hint
