"""The precision of a training: trying it must not eat the minutes of the user."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.training import precision


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[torch.dtype, int]]:
    """Play a processor on which bfloat16 is twenty times slower; return what is tried: precision and pixels."""
    steps: list[tuple[torch.dtype, int]] = []

    def seconds(_stepper: Any, batch: Batch, dtype: torch.dtype, count: int) -> float:
        steps.append((dtype, batch.image.numel()))
        return count * batch.image.numel() * (20.0 if dtype == torch.bfloat16 else 1.0)

    monkeypatch.setattr(precision, "_seconds", seconds)
    return steps


def _choose(device: torch.device = torch.device("cpu")) -> torch.dtype:  # noqa: B008 - immutable
    stepper: Any = SimpleNamespace(
        device=device,
        network=torch.nn.Linear(2, 2),
        precision=torch.float32,
        restart=lambda _weights: None,
        average=SimpleNamespace(steps=3),
    )
    batch = Batch(torch.zeros(8, 1, 256, 256), {"foreground": torch.zeros(8, 1, 256, 256)})
    return precision.choose_precision(stepper, batch, TrainingConfig())


def test_bfloat16_is_not_tried_where_it_is_always_emulated(
    tried: list[tuple[torch.dtype, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert _choose() == torch.float32
    assert tried == []


@pytest.mark.parametrize(
    ("native", "capability", "expected"),
    [(True, (9, 0), torch.bfloat16), (False, (7, 5), torch.float16), (False, (6, 1), torch.float32)],
    ids=["H200", "T4", "GTX 1080"],
)
def test_a_graphics_card_computes_what_it_is_fast_in(
    monkeypatch: pytest.MonkeyPatch, native: bool, capability: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert _choose(torch.device("cuda")) == expected


def test_emulation_is_noticed_on_a_small_patch(
    tried: list[tuple[torch.dtype, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert _choose() == torch.float32
    assert {pixels for _, pixels in tried} == {64 * 64}
