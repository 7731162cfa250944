"""The memory of a prediction does not grow with the image: measured in processes of their own."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
#: Blocks of a sixteenth of the real size, so that images which are quickly predicted have many.
CODE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:2]
import predict_memory
from segstudio.engine.prediction import block_decoding, map_store, room, seen_image
block_decoding.CORE, block_decoding.MARGIN = 512, 64
map_store.MOST_PIXELS = room.MOST_PIXELS = seen_image._KEPT_PIXELS = 400_000
folder = Path(sys.argv[2])
predict_memory.predict_one(folder / "model", folder, int(sys.argv[3]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is not there on Windows")
@pytest.mark.timeout(240)
def test_the_memory_of_a_prediction_hardly_grows_with_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCH)
    importlib.import_module("predict_memory").model_of_some_steps(tmp_path / "model")
    peaks = []
    for side in (1100, 2400):
        words = [sys.executable, "-c", CODE, str(BENCH), str(tmp_path), str(side)]
        peaks.append(int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]) * 1024)
    # Whole maps, a padded copy and the decoder's planes took 65 to 100 bytes a pixel.
    assert (peaks[1] - peaks[0]) / (2400**2 - 1100**2) < 15
