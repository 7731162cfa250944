"""On a GPU: what was learned there works on the processor too. Each test skips itself where there is no GPU."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from factories import cells, write_pairs

from segstudio.cli.main import main
from segstudio.core.metrics import evaluate

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this computer"),
]

FAST = [
    *("--architecture.width", "8", "--architecture.depth", "2", "--training.max_minutes", "0", "--quiet"),
    *("--training.epochs", "8", "--training.steps_per_epoch", "10", "--data.patch_size", "64"),
]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_model_trained_on_the_gpu_finds_the_same_cells_on_the_processor(tmp_path: Path, precision: str) -> None:
    write_pairs(tmp_path / "train", count=6)
    write_pairs(tmp_path / "val", count=2, seed=50)
    run = tmp_path / "run"
    words = ["train", str(tmp_path), "--out", str(run), "--device", "cuda", "--training.precision", precision]
    assert main([*words, *FAST]) == 0
    picture = cells((150, 170), 14, seed=99)
    tifffile.imwrite(tmp_path / "new.tif", picture.image)
    found = []
    for device in ("cuda", "cpu"):
        words = ["predict", str(run), str(tmp_path / "new.tif"), "--out", str(tmp_path / device), "--device", device]
        assert main([*words, "--quiet"]) == 0
        found.append(tifffile.imread(tmp_path / device / "new.tif").astype(np.int32))
    assert found[0].max() > 5
    assert evaluate(found[1], found[0], (0.8,)).counts[0].f1 > 0.9
