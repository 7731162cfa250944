"""Translating the network for this device before it learns."""

from collections.abc import Iterator

import torch

from segstudio.engine.data.crops import Batch
from segstudio.engine.training.average import snapshot
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Message, Progress, Warned


def compile_network(stepper: Stepper, batch: Batch) -> Iterator[Message]:
    """Compile the network of `stepper` and try it on `batch`; where that fails, say so and leave it as it was.

    Weights, average and optimiser are as before afterwards.
    """
    yield Progress(stage="Compiling the network", done=0, total=0)
    network, random = stepper.network, torch.get_rng_state()
    before = snapshot(network)
    network.compile()
    try:
        network.train()
        losses = stepper.losses(batch)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError, ImportError) as error:
        if is_out_of_memory(error):
            raise
        network._compiled_call_impl = None
        yield Warned(
            code="not-compiled",
            message=f"The network could not be compiled and trains as it is: {_reason(error)}",
            hint="Install a C++ compiler (gcc or clang; on Windows the Build Tools of Visual Studio), or switch the "
            "setting compile off.",
        )
    finally:
        stepper.optimiser.zero_grad(set_to_none=True)
        network.load_state_dict(before)
        torch.set_rng_state(random)


def _reason(error: BaseException) -> str:
    """Return the first line of `error` that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]
