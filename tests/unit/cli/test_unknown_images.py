"""The command line on images that break their decoder: a confined process dies of them, the command says so."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from segstudio.cli.main import main
from segstudio.io import vetting
from segstudio.io.tiff_pixels import TiffSource
from segstudio.jobs.messages import Failed
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

#: The process, with a decoder that breaks on the tile of these bytes.
PROCESS = """
import os
from segstudio.io import first_look
from segstudio.io.tiff_pixels import TiffSource

decode = TiffSource._decode

def decode_badly(source, page, index, key):
    if source._bytes(page.dataoffsets[index], 5) == b"CRASH":
        os.abort()
    return decode(source, page, index, key)

TiffSource._decode = decode_badly
first_look.main()
"""
#: A worker of the window that would die of the same tile.
WORKER = """
import sys
from segstudio.io import vetting
vetting.program_command = lambda *_: [sys.executable, "-P", sys.argv[1]]
from segstudio.io import first_look
first_look.main = lambda: None
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
import process
from segstudio.cli.main import main
raise SystemExit(main(["worker", "--run", sys.argv[2]]))
"""
SAID = "evil.tif is not shown: the process that tried to read it crashed."
FAST = [
    *("--formulation", "boundary", "--architecture.width", "4", "--architecture.depth", "1", "--device", "cpu"),
    *("--training.max_minutes", "0", "--training.epochs", "1", "--training.steps_per_epoch", "2"),
    *("--training.batch_size", "2", "--training.precision", "float32", "--data.patch_size", "32", "--quiet"),
]


def _tiled(path: Path, pixels: np.ndarray, *, evil: bool = False) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    tifffile.imwrite(path, pixels, tile=(32, 32), compression="zlib")
    if evil:
        with tifffile.TiffFile(path) as tif:
            offset = tif.pages.first.dataoffsets[-1]
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(b"CRASH")
    return path


def _pictures(folder: Path, *, evil: bool) -> Path:
    """Write images and their masks; the last image breaks its decoder if `evil`."""
    labels = np.zeros((64, 64), np.uint16)
    labels[8:28, 8:28], labels[38:58, 30:50] = 1, 2
    rng = np.random.default_rng(0)
    for name in ("a", "b", "evil"):
        image = ((labels > 0) * 120 + rng.integers(0, 20, labels.shape)).astype(np.uint8)
        _tiled(folder / "images" / f"{name}.tif", image, evil=evil and name == "evil")
        _tiled(folder / "masks" / f"{name}.tif", labels)
    return folder


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))


@pytest.fixture
def bad_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the program the process with the bad decoder; return what the program itself decodes."""
    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    monkeypatch.setattr(vetting, "program_command", lambda *_: [sys.executable, "-P", str(script)])
    decoded: list[bytes] = []
    decode = TiffSource._decode

    def listen(source: TiffSource, page: tifffile.TiffPage, index: int, key: tifffile.TiffPage) -> object:
        decoded.append(source._bytes(page.dataoffsets[index], 5))
        return decode(source, page, index, key)

    monkeypatch.setattr(TiffSource, "_decode", listen)
    return decoded


def test_info_names_the_file_and_describes_the_others(
    tmp_path: Path, bad_decoder: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    images = _pictures(tmp_path, evil=True) / "images"
    assert main(["info", str(images / "evil.tif"), str(images / "a.tif")]) == 3
    told = capsys.readouterr().out
    assert SAID in told
    assert "64 × 64" in told
    assert b"CRASH" not in bad_decoder


def test_evaluate_stops_with_the_sentence(
    tmp_path: Path, bad_decoder: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _pictures(tmp_path, evil=True)
    assert main(["evaluate", str(folder / "images"), str(folder / "masks")]) == 3
    told = capsys.readouterr().err
    assert SAID in told
    assert "Traceback" not in told
    assert b"CRASH" not in bad_decoder


def test_train_stops_with_the_sentence(
    tmp_path: Path, bad_decoder: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", str(_pictures(tmp_path / "data", evil=True)), "--out", str(tmp_path / "run"), *FAST])
    told = capsys.readouterr().err
    assert (code, SAID in told) == (3, True), told
    assert b"CRASH" not in bad_decoder


@pytest.mark.timeout(120)
def test_predict_leaves_the_image_out_and_predicts_the_others(
    tmp_path: Path, bad_decoder: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(_pictures(tmp_path / "data", evil=False)), "--out", str(tmp_path / "run"), *FAST]) == 0
    images = _pictures(tmp_path / "new", evil=True) / "images"
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "run"), str(images), "--out", str(out), "--device", "cpu"]) == 3
    told = capsys.readouterr()
    assert SAID in told.out + told.err
    assert sorted(path.name for path in out.glob("*.tif")) == ["a.tif", "b.tif"]
    assert b"CRASH" not in bad_decoder


def test_a_known_image_costs_no_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = str(_pictures(tmp_path, evil=False) / "images" / "a.tif")
    assert main(["info", image]) == 0
    monkeypatch.setattr(vetting, "program_command", lambda *_: ["no such program"])
    assert main(["info", image]) == 0
    other = str(tmp_path / "images" / "b.tif")
    assert main(["info", other]) == 3
    assert "could not be started" in capsys.readouterr().out


def test_a_command_that_opens_no_image_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vetting, "ConfinedProcess", lambda *_: pytest.fail("a process was started"))
    assert main(["catalogue"]) == 0


@pytest.mark.timeout(120)
def test_a_worker_of_the_window_fails_with_the_sentence(tmp_path: Path, bad_decoder: list[bytes]) -> None:
    folder = _pictures(tmp_path / "data", evil=True)
    samples = [
        SampleRecord(
            image_id=name,
            image=folder / "images" / f"{name}.tif",
            labels=folder / "masks" / f"{name}.tif",
            complete=True,
            split=split,
        )
        for name, split in (("evil", "train"), ("b", "val"))
    ]
    job = TrainJob(
        job_id="t",
        name="t",
        run_folder=tmp_path / "run",
        samples=tuple(samples),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="boundary"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={"training": {"epochs": 1}, "data": {"patch_size": 32}},
        device="cpu",
    )
    RunFolder.create(job)
    worker = [sys.executable, "-P", "-c", WORKER, (tmp_path / "process.py").as_posix(), str(job.run_folder)]
    done = subprocess.run(worker, stdin=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    last = RunFolder(job.run_folder).events()[-1]
    assert isinstance(last, Failed)
    assert last.message == SAID
    assert done.returncode == 3
