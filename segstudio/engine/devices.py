"""Which device a job runs on: CUDA, Apple's MPS or the processor; and why it is not a GPU."""

import os
import platform
import shutil
from dataclasses import dataclass

import psutil
import torch

from segstudio.core.errors import WrongUsage
from segstudio.jobs.catalogue import DeviceOffer
from segstudio.jobs.processor import processor_name
from segstudio.jobs.spec import Device


@dataclass(frozen=True, slots=True)
class NoGpu:
    """Why no GPU is used, and what would change that."""

    reason: str
    fix: str


def choose_device(wanted: Device) -> torch.device:
    """Return the device to use: the best one for ``"auto"``, else the wanted one.

    Raises
    ------
    WrongUsage
        The wanted device is not there; the message says why and the hint what to do.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    if wanted == "auto":
        return torch.device("cpu")
    if wanted == "mps":
        raise WrongUsage(
            "This computer has no Apple GPU that can be used.", hint="Choose the device auto or cpu.", code="no-gpu"
        )
    why = no_gpu() or NoGpu("No NVIDIA GPU was found.", "")
    raise WrongUsage(why.reason, hint=f"{why.fix} Or choose the device auto or cpu.".strip(), code="no-gpu")


def device_name(device: torch.device) -> str:
    """Return what to call `device` in the window."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return f"{processor_name()}, {cores} core{'s' if cores > 1 else ''}"


def memory_mb(device: torch.device) -> int:
    """Return the memory of `device` in MB; of the computer for the processor and Apple's GPU."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // 2**20)
    return int(psutil.virtual_memory().total // 2**20)


def list_devices() -> tuple[DeviceOffer, ...]:
    """Return the devices of this computer, the one that ``"auto"`` chooses first."""
    found = [torch.device("cpu")]
    if torch.backends.mps.is_available():
        found.insert(0, torch.device("mps"))
    if torch.cuda.is_available():
        found.insert(0, torch.device("cuda", torch.cuda.current_device()))
    why = no_gpu()
    return tuple(
        DeviceOffer(
            device=device.type,
            name=device_name(device),
            memory_mb=memory_mb(device),
            note=f"{why.reason} {why.fix}".strip() if why is not None and device.type == "cpu" else "",
        )
        for device in found
    )


def no_gpu() -> NoGpu | None:
    """Return why no GPU is used; ``None`` when one is."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return None
    if platform.system() == "Darwin":
        return NoGpu(
            "This Mac has no GPU that torch can use.", "Macs with an Apple chip and macOS 14 or newer have one."
        )
    if shutil.which("nvidia-smi") is None:
        return NoGpu(
            "No NVIDIA driver was found.",
            "If the computer has an NVIDIA graphics card, install its driver from nvidia.com/drivers and restart.",
        )
    if torch.version.cuda is None:
        return NoGpu(
            "The installed torch is a build for processors only.",
            "Install the default build: pip install --force-reinstall torch torchvision",
        )
    return NoGpu(
        f"The NVIDIA driver is there, but CUDA {torch.version.cuda} does not start with it.",
        "Update the driver from nvidia.com/drivers, and check with nvidia-smi that it sees the card.",
    )


def use_all_cores(device: torch.device) -> None:
    """Let torch compute on all cores that this process may use, or on its share where a launcher started several.

    ``OMP_NUM_THREADS``, which says how many a program may take on a computer that is shared, goes before.
    """
    launched = os.environ.get("LOCAL_WORLD_SIZE")
    if device.type != "cpu" or (launched is None and "OMP_NUM_THREADS" in os.environ):  # torch itself has read it
        return
    # A launcher sets the variable to 1 for all that it starts, whatever they do.
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    torch.set_num_threads(max(1, (cores or 1) // int(launched or "1")))
