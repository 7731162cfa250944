"""How large the patches are that a network is trained on."""

import numpy as np
import torch

from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.jobs.spec import Choice, TrainJob

_OBJECTS_IN_PATCH = 3
#: Smallest and largest automatic patch on a processor and on a graphics card, pixels.
_PATCH_CPU, _PATCH_GPU = (128, 256), (256, 512)


def levels_setting(job: TrainJob) -> str:
    """Return the setting that says how often the network of `job` halves its patches, empty where there is none."""
    if job.start_from is not None or formulations.get(job.formulation.name).own_network:
        return ""
    return architectures.get(job.architecture.name).levels


def patch_size(wanted: int, diameter: float | None, stride: int, device: torch.device, levels: str = "") -> int:
    """Return the side of the patches, a multiple of `stride`; automatic (0) is three object diameters within limits.

    Parameters
    ----------
    wanted
        What the settings say.
    diameter
        Of the median object, pixels.
    levels
        The setting by which the network would make patches less small, if there is one.

    Raises
    ------
    WrongUsage
        The deepest level of the network would be a single pixel.
    """
    side = wanted
    _refuse_small(wanted, stride, levels)
    if wanted == 0:
        side = int(np.clip(_OBJECTS_IN_PATCH * (diameter or 0), *(_PATCH_CPU if device.type == "cpu" else _PATCH_GPU)))
    return max(stride, -(-side // stride) * stride)


def check_patch(wanted: int, formulation: Choice, architecture: Choice) -> None:
    """Refuse patches that are too small for the network that these choices describe; it is not built.

    Raises
    ------
    WrongUsage
        The deepest level of the network would be a single pixel.
    pydantic.ValidationError
        A setting is wrong.
    """
    kind = formulations.get(formulation.name)
    if kind.own_network:
        _refuse_small(wanted, kind.own_stride, "")
        return
    family = architectures.get(architecture.name)
    _refuse_small(wanted, family.stride(family.Config.model_validate(architecture.settings)), family.levels)


def _refuse_small(wanted: int, stride: int, levels: str) -> None:
    if 0 < wanted <= stride:
        raise WrongUsage(
            f"Patches of {wanted} px are too small for this network, which makes them {stride} times smaller.",
            hint=f"Set a patch size of at least {2 * stride} px, or fewer levels of the network ({levels})."
            if levels
            else f"Set a patch size of at least {2 * stride} px, or 0 for one that suits the objects.",
            code="patch-too-small",
        )
