"""The processes that train one network together, on several graphics cards or computers.

The first one leads: it reads the clock and the user's wishes, validates and writes; the others hear from it before
each step what to do. Each learns from its own share of the batch, and torch averages the gradients.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed
from torch import nn

from segstudio.core.errors import JobFailed, WrongUsage

#: What a launcher tells each process.
_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
#: So long the others wait for the first one, which validates meanwhile.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Crew:
    """One of `size` processes; the `rank` of the first is 0."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    def share(self, patches: int) -> tuple[int, int]:
        """Return the number of the first of this process's patches of a batch, and how many they are.

        Raises
        ------
        WrongUsage
            They cannot be shared evenly.
        """
        if patches % self.size:
            raise WrongUsage(
                f"A batch of {patches} patches cannot be shared evenly among {self.size} processes.",
                hint=f"Set the batch to a multiple of {self.size}, as {-(-patches // self.size) * self.size}.",
                code="batch-not-shared",
            )
        own = patches // self.size
        return self.rank * own, own

    def own(self, name: str) -> str:
        """Return the name of a folder that no other process writes into."""
        return name if self.leads else f"{name}-{self.rank}"

    def agree(self, good: bool) -> bool:
        """Return whether all processes find it good."""
        if self.alone:
            return good
        vote = torch.tensor(int(good))
        torch.distributed.all_reduce(vote, torch.distributed.ReduceOp.MIN)
        return bool(vote)

    def tell(self, values: Sequence[float]) -> list[float]:
        """Return the numbers that the first process gave; all must give as many."""
        if self.alone:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64)
        torch.distributed.broadcast(told, src=0)
        return [float(value) for value in told]

    def parallel(self, module: nn.Module, device: torch.device, *, some_unused: bool) -> nn.Module:
        """Return `module` so that its gradients are averaged over all processes."""
        places = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=places, find_unused_parameters=some_unused)

    def leave(self) -> None:
        """End the connection to the others."""
        if not self.alone and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


ALONE = Crew()


def join() -> Crew:
    """Meet the other processes that a launcher started; return this one's place among them.

    Raises
    ------
    WrongUsage
        No launcher started this process.
    JobFailed
        The others could not be reached.
    """
    missing = [name for name in _TOLD if name not in os.environ]
    if missing:
        raise WrongUsage(
            f"This process is not one of several: {', '.join(missing)} is not set.",
            hint="Start it by torchrun, as `torchrun --nproc-per-node 2 -m segstudio train DATA --out RUN`.",
            code="not-launched",
        )
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    try:
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise JobFailed(
            f"The other processes of this training could not be reached: {str(error).splitlines()[0]}",
            hint="Check the address and port that the launcher was given, and that no firewall stands between.",
            code="crew-not-met",
        ) from error
    return Crew(torch.distributed.get_rank(), torch.distributed.get_world_size())


def is_lost(error: RuntimeError) -> bool:
    """Whether `error` says that another process has gone."""
    if isinstance(error, torch.distributed.DistError):
        return True
    text = str(error)
    return any(word in text for word in ("Connection closed by peer", "Connection reset by peer", "gloo", "NCCL"))


def lost() -> JobFailed:
    """Return what to tell the user when another process has gone."""
    return JobFailed(
        "Another process of this training has ended, so this one cannot go on; the last checkpoint is kept.",
        hint="Its own output says why it ended. Go on with --resume.",
        code="process-lost",
    )
