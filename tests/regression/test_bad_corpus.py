"""Every file of the corpus of broken, odd and hostile inputs: opened as image and as labels, in one bounded process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from segstudio.core.errors import BadInput, BadModel
from segstudio.core.program import program_command
from segstudio.core.tiles import Window
from segstudio.engine.model_card import check_weights
from segstudio.io.confined import ConfinedProcess
from segstudio.io.pyramid import overview
from segstudio.io.sources import gate_at_door, open_image
from segstudio.io.vetting import Vetting
from segstudio.session.model_import import read_foreign

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data")) / "bad"
#: Address space of the process: the libraries take half of it.
MEMORY = 3_000_000_000
SECONDS = 10
#: Pixels of images whose overview takes longer; the window shows it when it is there.
HUGE = 1_000_000_000


#: To be refused when the corpus was made; since then their magnitude is read.
_COMPLEX = ("image/complex64.tif", "array/complex64.npy")


def _entries() -> list[dict[str, Any]]:
    manifest = CORPUS / "MANIFEST.json"
    entries = json.loads(manifest.read_text("utf-8"))["files"] if manifest.is_file() else []
    return [{**entry, "expect": "open"} if entry["file"] in _COMPLEX else entry for entry in entries]


ENTRIES = _entries()
IMAGES = [entry for entry in ENTRIES if "as an image" in entry["use"]]
LABELS = [
    entry
    for entry in ENTRIES
    if entry["group"] == "labels" or "as labels" in entry["use"] or "as the segmentation" in entry["use"]
]
MODELS = [entry for entry in ENTRIES if entry["group"] == "model"]
#: Annotations, outlines and tracks have no importer yet, so that all that can be asked of them is that none is taken
#: for an image or a mask. Models have one, and are asked for below as well.
OTHERS = [entry for entry in ENTRIES if entry["group"] in ("annotation", "roi", "tracking", "model")]

pytestmark = pytest.mark.skipif(not ENTRIES, reason=f"no corpus: set SEGSTUDIO_DATA (looked in {CORPUS})")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Run the whole corpus; return what became of each file."""
    folder = tmp_path_factory.mktemp("corpus")
    runner = Path(__file__).with_name("bad_corpus_runner.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(runner), str(CORPUS), str(MEMORY)],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert done.stderr == b"", done.stderr[-2000:].decode()
    assert done.returncode == 0
    assert list(folder.rglob("*")) == [], "a file ran code or was unpacked"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {entry["file"]: entry for entry in found}


def _named(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["file"][-60:]) for entry in entries] or [pytest.param({}, id="none")]


def _assert_expected(entry: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["outcome"] != "crash", found["message"]
    assert found["seconds"] < SECONDS
    if entry["expect"] != "open_or_refuse":
        assert found["outcome"] == entry["expect"], found.get("message")
    if found["outcome"] == "refuse":
        assert Path(entry["file"]).name in found["message"]
        assert found["hint"]
        assert "\n" not in found["message"]


@pytest.mark.parametrize("entry", _named(IMAGES))
def test_image(entry: dict[str, Any], results: dict[str, dict[str, Any]]) -> None:
    found = results[entry["file"]]["image"]
    _assert_expected(entry, found)
    if found["outcome"] == "open":
        damaged = entry["expect"] == "open_or_refuse" and Path(entry["file"]).name not in SOUND
        assert found["warnings"] or not damaged, "opened without a word"
        SPECIAL.get(Path(entry["file"]).name, _assert_values)(entry.get("values", {}), found)


def _assert_values(values: dict[str, Any], found: dict[str, Any]) -> None:
    info = found["info"]
    assert list(info["shape"]) == values.get("shape", list(info["shape"]))
    assert list(info["size"]) == values.get("size_yx", list(info["size"]))
    assert info["dtype"] == values.get("dtype", info["dtype"])
    assert found["read"][0] == info["dtype"]
    assert info["planes"] == values.get("frames", info["planes"])
    for key in ("min", "max", "sum", "true_pixels", "nan", "inf", "frame_values"):
        if key in values:
            assert found[key] == values[key], key
    if "pixel_size_um" in values:
        assert info["pixel_size_um"] == pytest.approx(values["pixel_size_um"])
    if values.get("frames", 1) > 1 or values.get("nan"):
        assert found["warnings"]


def _without_alpha(values: dict[str, Any], found: dict[str, Any]) -> None:
    size = values["shape"][:2]
    assert found["info"]["size"] == size
    assert found["info"]["shape"] == (size if values["shape"][2] == 2 else [*size, 3])


def _palette_tiff(values: dict[str, Any], found: dict[str, Any]) -> None:
    # The ramp begins with index 20 and grows slowly: red is the index, blue what is left of 255.
    red, green, blue = found["top_left"]
    assert (green, red + blue) == (0, 255)
    assert found["info"]["shape"] == [*values["shape"], 3]


def _upright(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["info"]["size"] == values["size_yx"]
    red, green, blue = (value > 128 for value in found["top_left"])
    assert (red, green, blue) == {"yellow": (True, True, False), "blue": (False, False, True)}[values["top_left"]]


def _cyan(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["info"]["size"] == values["size_yx"]
    red, green, blue = found["top_left"]
    assert red < 100
    assert min(green, blue) > 150


def _first_size_only(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["info"]["planes"] == 1
    assert "2 more pages" in found["warnings"][0]


#: They may be refused, but nothing is wrong with them.
SOUND = ("png_bomb.png", "webp_lossless.webp")
SPECIAL = {
    "png_rgba.png": _without_alpha,
    "png_gray_alpha.png": _without_alpha,
    "tiff_palette.tif": _palette_tiff,
    "jpeg_exif_3.jpg": _upright,
    "jpeg_exif_6.jpg": _upright,
    "jpeg_cmyk.jpg": _cyan,
    "tiff_pages_of_different_size.tif": _first_size_only,
}


@pytest.mark.parametrize("entry", _named(LABELS))
def test_labels(entry: dict[str, Any], results: dict[str, dict[str, Any]]) -> None:
    found = results[entry["file"]]["labels"]
    _assert_expected(entry, found)
    if found["outcome"] == "refuse":
        return
    values = entry.get("values", {})
    assert found["dtype"] == "int32"
    assert found["lowest"] >= 0
    assert found["shape"] == values.get("shape", found["shape"])
    objects = values.get("objects", values.get("connected_parts"))
    if objects is not None:
        assert found["objects"] == objects
    if values.get("max_id", 0) < 2**31 and "max_id" in values:
        assert (found["min_id"], found["max_id"]) == (values["min_id"], values["max_id"])
    elif "connected_parts" in values or values.get("max_id"):
        assert found["warnings"], "a change without a word"


@pytest.mark.parametrize("entry", _named(OTHERS))
def test_what_is_no_image_is_refused_with_a_sentence(entry: dict[str, Any], results: dict[str, dict[str, Any]]) -> None:
    for found in (results[entry["file"]]["image"], results[entry["file"]]["labels"]):
        if entry["file"].endswith("image_named.pt"):
            assert found["outcome"] == "open"  # its content is a picture
        else:
            _assert_expected({**entry, "expect": "refuse"}, found)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("labels/transposed.tif", "transposed"),
        ("labels/wrong_size.tif", "90 × 120"),
        ("labels/wrong_size.tif", "96 × 128"),
        ("image/zero_byte.png", "empty"),
        ("image/tiff_unknown_compression.tif", "60000"),
    ],
)
def test_the_sentence_says_what_is_wrong(name: str, word: str, results: dict[str, dict[str, Any]]) -> None:
    found = results[name]["labels" if name.startswith("labels") else "image"]
    assert word in found["message"] + found["hint"]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Give the whole corpus to the command line; return what it said of all, and of each as a label image."""
    folder, work = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("work")
    runner = Path(__file__).with_name("bad_corpus_command_line.py")
    labels = json.dumps([entry["file"] for entry in LABELS])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(runner), str(CORPUS), str(MEMORY), str(work), labels],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr[-2000:].decode()
    assert list(folder.rglob("*")) == [], "a file ran code or was unpacked"
    described, *evaluated = (json.loads(line) for line in done.stdout.splitlines())
    return described, {entry["file"]: entry for entry in evaluated}


@pytest.mark.timeout(240)
def test_on_the_command_line(commands: tuple[dict[str, Any], dict[str, dict[str, Any]]]) -> None:
    """``segstudio info``: what is an image is described, all else refused, in a sentence and with 3 in the end."""
    told = commands[0]
    assert (told["code"], told["err"]) == (3, "")
    described = json.loads(told["out"])
    assert len(described) == len(ENTRIES)
    for entry, found in zip(ENTRIES, described, strict=True):
        name = Path(entry["file"]).name
        if "error" in found:
            assert name in found["error"]
            assert "\n" not in found["error"], name
            assert found["hint"], name
        is_image = "as an image" in entry["use"] or name == "image_named.pt"  # whose content is a picture
        if is_image and entry["expect"] == "open":
            assert "error" not in found, found
        elif not is_image and entry["group"] in ("annotation", "roi", "tracking", "model"):
            assert "error" in found, f"{name} has no importer"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("entry", _named(LABELS))
def test_labels_on_the_command_line(
    entry: dict[str, Any], commands: tuple[dict[str, Any], dict[str, dict[str, Any]]]
) -> None:
    """``segstudio evaluate`` takes each as a label image, or refuses it in a sentence and with 3."""
    told = commands[1][entry["file"]]
    assert told["code"] in (0, 3), told["code"]
    assert told["seconds"] < SECONDS
    if entry["expect"] != "open_or_refuse":
        assert told["code"] == {"open": 0, "refuse": 3}[entry["expect"]], told["err"]
    if told["code"] == 3:
        sentence, _, hint = told["err"].strip().partition("\n")
        assert sentence.startswith("a.")
        assert sentence.endswith(".")
        assert "Traceback" not in hint


@pytest.fixture(scope="module")
def vetting() -> Iterator[Vetting]:
    found = Vetting()
    found.start()
    yield found
    found.close()


@pytest.mark.parametrize("entry", _named(IMAGES))
def test_image_in_the_window(entry: dict[str, Any], vetting: Vetting, results: dict[str, dict[str, Any]]) -> None:
    """The window asks a confined process first: it says the same, and outlives all of them.

    What is read in parts is never refused for being too large to be read at once.
    """
    alone = results[entry["file"]]["image"]
    begin = time.perf_counter()
    try:
        with gate_at_door(vetting), open_image(CORPUS / entry["file"]) as source:
            huge = source.info.height * source.info.width > HUGE
            for plane in range(source.info.planes):
                source.read(Window(0, 0, 512, 512), plane) if huge else overview(source, plane)
        outcome, said = "open", ""
    except BadInput as error:
        outcome, said = "refuse", error.message
    assert time.perf_counter() - begin < SECONDS
    assert "crashed" not in said
    assert "given up" not in said
    if entry["expect"] != "open_or_refuse" or outcome == "refuse":
        assert (outcome, said) == (alone["outcome"], alone.get("message", ""))


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], dict[str, str]]]:
    """Return what the process that reads foreign weights says of a file; it writes into one folder only."""
    folder = tmp_path_factory.mktemp("weights")
    process = ConfinedProcess(program_command("confined", "weights", str(folder)), 12_000_000_000)
    yield lambda path: json.loads(process.ask(json.dumps({"path": str(path)}).encode(), 60))
    process.close()
    assert [path.name for path in folder.iterdir()] in ([], ["weights.safetensors"])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("entry", _named(MODELS))
def test_model(entry: dict[str, Any], taken: Callable[[Path], dict[str, str]]) -> None:
    path = CORPUS / entry["file"]
    with pytest.raises(BadModel) as caught:  # as the window opens one
        read_foreign(path)
    assert path.name in caught.value.message
    assert caught.value.hint
    if path.suffix in (".pt", ".pth", ".onnx"):
        told = taken(path)
        well_formed = path.name == "foreign_state_dict.pt"  # plain weights: they fit no network of ours
        assert bool(told) != well_formed, told
        assert ("foreign" in told) == path.name.startswith("payload"), told
        assert not list(CORPUS.rglob("PWNED"))
    else:
        with pytest.raises(BadModel):
            check_weights(path, {})


def test_groups_without_an_importer_are_known() -> None:
    groups = {entry["group"] for entry in ENTRIES}
    # Annotations, outlines and tracks are refused: see `test_on_the_command_line`, and the window's tests.
    tested = {entry["group"] for entry in (*IMAGES, *LABELS, *MODELS)}
    assert groups - tested == {"annotation", "roi", "tracking"}, "a group came or went: test it"
