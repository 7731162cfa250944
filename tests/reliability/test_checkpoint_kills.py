"""Experiment 18: a process killed while it writes checkpoints always leaves one that is whole, and not an old one."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from reliability.cases import Cases

from segstudio.engine.training.checkpoint import Checkpoint, read_newest, write_checkpoint

#: Imports once, then writes checkpoints in a fork for each folder that it is told, one after the other.
WRITER = """
import os, sys
from pathlib import Path
import torch
from segstudio.engine.training.checkpoint import Checkpoint, write_checkpoint

torch.set_num_threads(1)
for line in sys.stdin:
    folder = Path(line.strip())
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)
        continue
    with open(folder.with_suffix(".done"), "w", buffering=1) as done:
        for step in range(1, 1_000_000):
            tensors = {f"network.{n}": torch.full((200_000,), float(step)) for n in range(4)}
            write_checkpoint(folder, Checkpoint(tensors, {"step": step}))
            done.write(f"{step}\\n")
"""


def _last(done: Path) -> int:
    whole = done.read_text().rpartition("\n")[0].splitlines() if done.exists() else []
    return int(whole[-1]) if whole else 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a fork")
def test_a_kill_while_checkpoints_are_written_leaves_the_newest_whole(tmp_path: Path, cases: Cases, seed: int) -> None:
    chance, pipe = random.Random(seed), subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WRITER], stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for number in cases(merge=10, nightly=100, release=500):
            folder = tmp_path / f"c{number}"
            writer.stdin.write(f"{folder}\n")
            writer.stdin.flush()
            pid = int(writer.stdout.readline())
            while _last(folder.with_suffix(".done")) < 2:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.1))
            os.kill(pid, signal.SIGKILL)
            assert writer.stdout.readline() == "gone\n"
            told, found = _last(folder.with_suffix(".done")), read_newest(folder)
            assert found is not None, f"seed {seed}, kill {number}"
            step = found.state["step"]
            assert told <= step <= told + 1, f"seed {seed}, kill {number}: {told} was told, {step} is there"
            assert all(bool((tensor == step).all()) for tensor in found.tensors.values())


@pytest.mark.parametrize("damage", ["empty", "short", "garbage", "no state"])
def test_a_bad_checkpoint_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    for step in (1, 2):
        newest = write_checkpoint(tmp_path, Checkpoint({"network.a": torch.full((100,), float(step))}, {"step": step}))
    whole = newest.read_bytes()
    newest.write_bytes(
        {
            "empty": b"",
            "short": whole[:-40],
            "garbage": bytes(reversed(whole)),
            "no state": whole.replace(b'"state"', b'"stale"'),
        }[damage]
    )
    found = read_newest(tmp_path)
    assert found is not None
    assert found.state["step"] == 1
