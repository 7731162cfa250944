"""Two processes that train one network: the same weights as one, one model, and both end together."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from factories import write_pairs

from segstudio.cli.main import main
from segstudio.core.errors import WrongUsage
from segstudio.engine.control import Control
from segstudio.engine.training import orders
from segstudio.engine.training.checkpoint import read_newest
from segstudio.engine.training.crew import Crew, is_lost
from segstudio.engine.training.fit import fit
from segstudio.jobs.messages import Failed, Metric, StateChanged
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.project.folder_samples import folder_samples

#: A loss of single pixels and no batch normalisation: the mean over two halves of a batch is that over the whole.
SETTINGS = [
    *("--device", "cpu", "--quiet", "--formulation", "semantic", "--formulation.region_loss", "none"),
    *("--architecture.width", "4", "--architecture.depth", "1", "--architecture.normalisation", "none"),
    *("--data.patch_size", "32", "--training.max_minutes", "0", "--training.precision", "float32"),
    *("--training.steps_per_epoch", "4", "--training.batch_size", "4", "--training.accumulate", "2"),
    *("--training.frozen_epochs", "1"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder / "train", 3, (48, 48), diameter=12)
    write_pairs(folder / "val", 1, (48, 48), seed=9, diameter=12)
    return folder


@contextmanager
def two_processes(data: Path, run: Path, *settings: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Start both as torchrun would; none is left behind."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "segstudio", "train", str(data), "--out", str(run), *SETTINGS, *settings]
    started = [
        subprocess.Popen(
            [*words, "--distributed"],
            env={**os.environ, **told, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def wait_for(there: Callable[[], bool], processes: list[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        assert time.monotonic() < deadline, "nothing came"
        assert all(process.poll() is None for process in processes), processes[0].communicate()[1]
        time.sleep(0.05)


def test_two_processes_learn_what_one_does_and_leave_one_model(data: Path, tmp_path: Path) -> None:
    length = ["--training.epochs", "2"]
    with two_processes(data, tmp_path / "two", *length) as processes:
        said = [process.communicate(timeout=200)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
    assert main(["train", str(data), "--out", str(tmp_path / "one"), *SETTINGS, *length]) == 0
    one, two = (read_newest(RunFolder(tmp_path / name).checkpoints) for name in ("one", "two"))
    assert one is not None
    assert two is not None
    for part in ("network", "average", "optimiser"):
        for name, tensor in one.part(part).items():
            torch.testing.assert_close(two.part(part)[name], tensor, rtol=1e-3, atol=1e-5, msg=f"{part} {name}")
    run = RunFolder(tmp_path / "two")
    kinds = [message.kind for message in run.events()]
    assert (kinds.count("started"), kinds.count("facts"), kinds.count("finished")) == (1, 1, 1)
    assert [item.name for item in sorted(run.model.iterdir())] == ["model.json", "weights.safetensors"]
    assert {item.name for item in run.path.iterdir()} == {item.name for item in (tmp_path / "one").iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_both_pause_and_go_on_and_when_one_dies_the_other_says_so_and_ends(data: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with two_processes(data, run.path, "--training.epochs", "100000") as processes:
        wait_for(lambda: any(isinstance(message, Metric) for message in run.events()), processes)
        run.command("pause")
        wait_for(lambda: run.status == "paused", processes)
        metrics = len(run.events())
        run.command("resume")
        wait_for(lambda: len(run.events()) > metrics + 1, processes)
        processes[1].send_signal(signal.SIGKILL)
        said = processes[0].communicate(timeout=120)[1]
    assert processes[0].returncode == 4
    assert "Another process of this training has ended" in said
    assert "Traceback" not in said
    last = run.events()[-1]
    assert isinstance(last, Failed)
    assert last.code == "process-lost"
    assert read_newest(run.checkpoints) is not None


@dataclass(frozen=True)
class _Heard(Crew):
    """Tells nobody, and remembers what was told."""

    told: list[float] = field(default_factory=list)

    def tell(self, values: Sequence[float]) -> list[float]:
        self.told.append(values[0])
        return super().tell(values)


def test_the_others_hear_each_step_each_wait_and_the_end(data: Path, tmp_path: Path) -> None:
    crew, control = _Heard(), Control()
    samples = tuple(folder_samples(data))
    job = TrainJob(
        job_id="1",
        name="run",
        run_folder=tmp_path / "run",
        samples=samples,
        classes=(ClassSpec(id=1, name="cell"),),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={"data": {"patch_size": 32}, "training": {"epochs": 1000, "steps_per_epoch": 3, "batch_size": 2}},
        device="cpu",
    )
    RunFolder.create(job)
    for message in fit(job, control, torch.device("cpu"), crew):
        if isinstance(message, Metric):
            control.request("pause")
        if isinstance(message, StateChanged) and message.state == "paused":
            threading.Timer(0.3, control.request, ["stop"]).start()
    waits = [order for order in crew.told if order == orders._WAIT]
    assert len(waits) >= 1
    assert [order for order in crew.told if order != orders._WAIT] == 3 * [orders._STEP] + [orders._END]


@dataclass(frozen=True)
class _Hears(Crew):
    """Hears orders that were written down."""

    orders: list[list[float]] = field(default_factory=list)

    def tell(self, values: Sequence[float]) -> list[float]:
        return self.orders.pop(0)


def test_who_follows_learns_at_the_rates_it_hears_until_the_end() -> None:
    crew = _Hears(orders=[[orders._STEP, 0.1], [orders._WAIT, 0.0], [orders._STEP, 0.2], [orders._END, 0.0], [0, 9]])
    training = SimpleNamespace(crew=crew, stepper=None, learn=Mock())
    orders.follow(training)  # type: ignore[arg-type]
    assert [call.args for call in training.learn.call_args_list] == [(0.1,), (0.2,)]


def test_a_batch_is_shared_evenly_or_refused() -> None:
    assert [Crew(rank, 3).share(12) for rank in range(3)] == [(0, 4), (4, 4), (8, 4)]
    with pytest.raises(WrongUsage, match="batch of 5 patches cannot be shared evenly among 2") as refused:
        Crew(0, 2).share(5)
    assert "6" in refused.value.hint


def test_without_a_launcher_it_says_how_to_start(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(data), "--out", str(tmp_path / "run"), *SETTINGS, "--distributed"]
    assert main(words) == 2
    assert "torchrun --nproc-per-node" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_only_what_the_network_between_processes_says_is_a_lost_one() -> None:
    assert is_lost(RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"))
    assert not is_lost(RuntimeError("shape mismatch"))
