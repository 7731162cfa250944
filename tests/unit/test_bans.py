"""What could run code out of a file is not written anywhere in the program; each ban is shown to bite."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "segstudio").rglob("*.py"))

#: Lines that ruff has to refuse, with the rule that does it.
BANNED = {
    "import pickle": "TID251",
    "from pickle import Unpickler": "TID251",
    "import _pickle": "TID251",
    "import marshal": "TID251",
    "import shelve": "TID251",
    "import dill": "TID251",
    "import cloudpickle": "TID251",
    "import joblib": "TID251",
    "import jsonpickle": "TID251",
    "import pandas\npandas.read_pickle('a')": "TID251",
    "import torch\ntorch.load('a')": "TID251",
    "import torch\ntorch.jit.load('a')": "TID251",
    "import torch\ntorch.hub.load('a')": "TID251",
    "from torch.package import PackageImporter": "TID251",
    "import yaml\nyaml.load('a')": "TID251",
    "import yaml\nyaml.full_load('a')": "TID251",
    "import yaml\nyaml.unsafe_load('a')": "TID251",
    "from pyqtgraph import configfile": "TID251",
    "import pyqtgraph.configfile": "TID251",
    "import cv2\ncv2.imread('a')": "TID251",
    "import cv2\ncv2.imwrite('a', b)": "TID251",
    "import shutil\nshutil.unpack_archive('a')": "TID251",
    "from xml.dom import minidom": "TID251",
    "import xml.sax": "TID251",
    "import xml.etree.ElementTree as ET\nET.fromstring('<a/>')": "S314",
    "import subprocess\nsubprocess.run('ls', shell=True)": "S602",
    "import os\nos.system(command)": "S605",
    "eval(text)": "S307",
    "exec(text)": "S102",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return for each banned text the rules that ruff named."""
    folder = tmp_path_factory.mktemp("bans")
    for number, text in enumerate(BANNED):
        (folder / f"m{number}.py").write_text(text + "\n", encoding="utf-8")
    command = ["check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), "--output-format", "json", str(folder)]
    done = subprocess.run([sys.executable, "-m", "ruff", *command], capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = {text: set() for text in BANNED}
    for entry in json.loads(done.stdout):
        found[list(BANNED)[int(Path(entry["filename"]).stem[1:])]].add(entry["code"])
    return found


@pytest.mark.parametrize("text", BANNED)
def test_the_linter_refuses(text: str, refused: dict[str, set[str]]) -> None:
    assert BANNED[text] in refused[text]


#: Rules that a line may be excused from, and the only files where that is so.
EXCUSED = {
    "TID251": {"segstudio/io/python_objects.py", "segstudio/engine/weights_reader.py"},
    "S301": {"segstudio/io/python_objects.py"},
    "S314": {"segstudio/io/tiff_metadata.py", "segstudio/io/safe_xml.py"},
}


def test_nobody_else_is_excused() -> None:
    rules = ("TID251", "S301", "S302", "S307", "S102", "S314", "S506", "S602", "S604", "S605")
    for path in SOURCES:
        for line in path.read_text(encoding="utf-8").splitlines():
            excuse = line.partition("# noqa")[2]
            named = {rule for rule in rules if rule in excuse}
            assert not excuse or ":" in excuse[:2], f"{path.name} excuses a line from everything"
            name = path.relative_to(ROOT).as_posix()
            assert all(name in EXCUSED.get(rule, ()) for rule in named), f"{name}: {line.strip()}"


def _unsafe(source: str) -> Iterator[str]:
    """Yield what is wrong with a text that ruff has no rule for."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in ("extractall", "extract") and owner not in ("re", ""):
            yield f"{name}: names in an archive lead out of the folder"
        if owner in ("np", "numpy") and name == "load" and words.get("allow_pickle") != "False":
            yield "np.load without allow_pickle=False"
        if name in ("read_array", "open_memmap") and words.get("allow_pickle", "False") != "False":
            yield f"{name} with pickles"
        if words.get("shell", "False") != "False":
            yield "shell=True"
        if owner in ("torch", "torch.serialization") and name == "load" and words.get("weights_only") != "True":
            yield "torch.load without weights_only=True"
        if name in ("compile", "__import__") and not owner:
            yield f"{name}()"


@pytest.mark.parametrize(
    "text",
    [
        "import zipfile\nzipfile.ZipFile(f).extractall(d)",
        "archive.extract(member, d)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=flag)",
        "npy.read_array(f, allow_pickle=True)",
        "subprocess.run(words, shell=flag)",
        "torch.serialization.load(f, weights_only=False)",
        "torch.load(f)",
        "torch.load(f, weights_only=flag)",
        "compile(text, 'a', 'exec')",
        "__import__(name)",
    ],
)
def test_what_the_linter_has_no_rule_for_is_found(text: str) -> None:
    assert list(_unsafe(text))


def test_no_source_does_it() -> None:
    found = {path.name: problems for path in SOURCES if (problems := list(_unsafe(path.read_text(encoding="utf-8"))))}
    assert not found
