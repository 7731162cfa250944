"""Following a network through one pass: layers with their shapes and work, and what a step keeps for its way back."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from segstudio.engine.formulations import Formulation
from segstudio.engine.network import Network
from segstudio.jobs.network_report import Layer

#: Diameter of the objects of the made-up labels on which the loss is followed, pixels.
_OBJECT = 24
_MEGAPIXEL = 1e6

#: Shape of the output and number of calls of each module, by its dotted name.
Seen = dict[str, tuple[tuple[int, ...], int]]


def layers_of(network: Network, flops: Mapping[str, float], seen: Seen) -> list[Layer]:
    """Return all modules of `network`, each before those inside it.

    Parameters
    ----------
    flops
        Per megapixel, by dotted name.
    seen
        Shape of the output and number of calls, by dotted name.
    """
    found = []
    for path, module in network.named_modules():
        shape, calls = seen.get(path, ((), 0))
        found.append(
            Layer(
                path=path,
                kind=type(module).__name__,
                shape=shape,
                calls=calls,
                parameters=count_weights(module),
                flops_per_mpx=_work(path, module, flops),
                leaf=not any(module.children()),
            )
        )
    return found


def _work(path: str, module: nn.Module, flops: Mapping[str, float]) -> float:
    """Return the work of a module; of a list of modules, which is never called itself, that of those in it."""
    if path in flops:
        return flops[path]
    return sum(_work(f"{path}.{name}".lstrip("."), child, flops) for name, child in module.named_children())


def shape_of(output: object) -> tuple[int, ...]:
    """Return channels, rows and columns of what a module gives; of the last one of several, empty for no tensor."""
    if isinstance(output, Tensor):
        return tuple(output.shape[1:])
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((shape for part in reversed(list(parts)) if (shape := shape_of(part))), ())


@torch.no_grad()
def follow(network: Network, side: int) -> tuple[dict[str, float], Seen]:
    """Return work per megapixel, and output shape with number of calls, of all modules by their dotted names.

    Raises
    ------
    RuntimeError
        It looks at values, and `network` has none (torch's meta device).
    """
    from torch.utils.flop_counter import FlopCounterMode  # late: it brings triton, and few processes count

    seen: Seen = {}
    hooks = [module.register_forward_hook(_noting(path, seen)) for path, module in network.named_modules()]
    counter = FlopCounterMode(display=False)
    was_training = network.training
    try:
        with counter:
            network.eval()(_image(network, 1, side))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    root = type(network).__name__
    times = _MEGAPIXEL / side**2
    flops = {
        name.removeprefix(root).removeprefix("."): times * sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name == root or name.startswith(f"{root}.")
    }
    return flops, seen


def _noting(path: str, seen: Seen) -> Callable[..., None]:
    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        shape, calls = seen.get(path, (shape_of(output), 0))
        seen[path] = (shape, calls + 1)

    return note


def kept_for_backward(network: Network, formulation: Formulation, side: int, batch: int) -> tuple[float, float]:
    """Return the bytes that a step keeps for its backward pass, and those of the largest tensor among them.

    Raises
    ------
    RuntimeError
        Network or loss look at values, and `network` has none (torch's meta device).
    """
    weights = {weight.untyped_storage()._cdata for weight in network.state_dict(keep_vars=True).values()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # holding it keeps its address from being given to another
        return tensor

    image = _image(network, batch, side)
    targets = {
        name: torch.from_numpy(target).expand(batch, *target.shape).to(image.device)
        for name, target in formulation.encode(example_labels(side)).items()
    }
    was_training = network.training
    try:
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            terms = formulation.training_loss(network.train(), image, targets)
    finally:
        network.train(was_training)
    sizes = [storage.nbytes() for storage in kept.values()]
    del terms
    return float(sum(sizes)), float(max(sizes, default=0))


def _image(network: Network, batch: int, side: int) -> Tensor:
    return torch.zeros(batch, network.in_channels, side, side, device=next(network.parameters()).device)


def example_labels(side: int) -> NDArray[np.int32]:
    """Return round objects in rows, as many as a crowded patch has."""
    rows, columns = np.indices((side, side))
    inside = (rows % _OBJECT - _OBJECT // 2) ** 2 + (columns % _OBJECT - _OBJECT // 2) ** 2 < (_OBJECT // 3) ** 2
    numbers = rows // _OBJECT * (side // _OBJECT + 1) + columns // _OBJECT + 1
    return np.where(inside, numbers, 0).astype(np.int32)


def count_weights(module: nn.Module) -> int:
    """Return how many weights are in a module and those inside it."""
    return sum(weight.numel() for weight in module.parameters())
