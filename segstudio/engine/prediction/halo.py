"""How far around a pixel a network looks, measured on the network itself."""

import copy

import torch
from torch import Tensor, nn

from segstudio.engine.network import Network

#: Largest reach that is searched for, pixels; a network that sees further sees the whole tile.
_LIMIT = 2048
_REACH = "_segstudio_reach"
#: Above 0, so that an activation that is no module lets the gradient pass.
_BIAS = 1e-3
#: What changes each pixel by itself: activations, and normalisation over the channels of one pixel. On the equal
#: channels of the positive copy the latter has no gradient at all.
_POINTWISE = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LayerNorm,
)


def reach_of(network: Network) -> int | None:
    """Return what the network says of its reach, else what `measure_reach` finds; it is measured once."""
    if network.sees_whole or network.reach is not None:
        return None if network.sees_whole else network.reach
    if not hasattr(network, _REACH):
        setattr(network, _REACH, measure_reach(network))
    reach: int | None = getattr(network, _REACH)
    return reach


def measure_reach(network: Network, limit: int = _LIMIT) -> int | None:
    """Return how many pixels beyond a block of stride x stride pixels, aligned to the stride, can change its output.

    ``None`` means that the network sees the whole image (global pooling, group or instance normalisation), or further
    than about `limit` pixels, so that no tile can give the same as the whole image.

    Notes
    -----
    The gradient of a block's output is followed back to the image in a copy of the network whose weights are all
    positive, whose maxima are means and which has no activations: no path is hidden by a dead or saturated unit or
    cancels another. Rows and columns are measured on strips, since convolutions reach along both axes independently.
    """
    probe = _positive_copy(network)
    rows = _strip_reach(probe, network, 2, limit)
    columns = _strip_reach(probe, network, 3, limit) if rows is not None else None
    return None if rows is None or columns is None else max(rows, columns)


def halo_of(reach: int, stride: int) -> int:
    """Return the smallest multiple of `stride` that is at least `reach`."""
    return -(-reach // stride) * stride


def _strip_reach(probe: nn.Module, network: Network, along: int, limit: int) -> int | None:
    stride = network.stride
    blocks = 9
    while blocks * stride <= max(4 * limit, 9 * stride):
        shape = [1, network.in_channels, stride, stride]
        shape[along] = blocks * stride
        strip = torch.ones(shape, dtype=torch.float64, requires_grad=True)
        first = blocks // 2 * stride
        output: Tensor = probe(strip)
        output.narrow(along, first, stride).sum().backward()  # type: ignore[no-untyped-call]
        assert strip.grad is not None
        others = [axis for axis in range(4) if axis != along]
        seen = torch.nonzero(strip.grad.abs().sum(others)).flatten()
        low, high = int(seen.min()), int(seen.max())
        if low > 0 and high < blocks * stride - 1:
            return max(first - low, high - (first + stride - 1), 0)
        blocks = 2 * blocks + 1
    return None


def _positive_copy(network: Network) -> nn.Module:
    probe = copy.deepcopy(network).cpu().double().eval().requires_grad_(False)
    for module in probe.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
            elif isinstance(child, _POINTWISE):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for name, weight in probe.named_parameters():
            # A mean of inputs rather than a sum: numbers stay of the order of 1 at any depth.
            inputs = weight[0].numel() if weight.dim() > 1 else 1
            weight.fill_(_BIAS if name.endswith("bias") else 1.0 / max(1, inputs))
        for name, buffer in probe.named_buffers():
            if buffer.is_floating_point():
                buffer.fill_(1.0 if name.endswith(("running_var", "std")) else 0.0)
    return probe
