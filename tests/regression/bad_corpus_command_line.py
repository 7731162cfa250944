"""Gives every file of the corpus of bad inputs to the command line; JSON lines. See test_bad_corpus.py.

``python bad_corpus_command_line.py CORPUS MEMORY FOLDER LABELS``: in one process, which may take MEMORY bytes of
address space. LABELS is a JSON list of the files to take as label images.
"""

import io
import json
import shutil
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from segstudio.cli.main import main as run_command


def told(*words: str) -> dict[str, Any]:
    """Run a command; return its exit code, and what it wrote."""
    out, err, begin = io.StringIO(), io.StringIO(), time.perf_counter()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code: int | str = run_command(words)
    except BaseException:  # noqa: BLE001 - a test must hear of it
        code = traceback.format_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), "seconds": time.perf_counter() - begin}


def evaluated(file: Path, folder: Path, size: tuple[int, int]) -> dict[str, Any]:
    """Compare the file, as a label image, with one of the size that it should have."""
    for name in ("found", "truth"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    shutil.copy(file, folder / "found" / f"a{file.suffix if file.suffix in ('.png', '.jpg', '.npy') else '.tif'}")
    tifffile.imwrite(folder / "truth" / "a.tif", np.ones(size, np.uint16))
    return told("evaluate", str(folder / "found"), str(folder / "truth"), "--json", "-")


def main() -> None:
    corpus, limit, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    entries = json.loads((corpus / "MANIFEST.json").read_text("utf-8"))["files"]
    described = told("info", "--json", *(str(corpus / entry["file"]) for entry in entries))
    sys.stdout.write(json.dumps(described) + "\n")
    labels = set(json.loads(sys.argv[4]))
    for entry in entries:
        if entry["file"] in labels:
            size = (300, 300) if "300 x 300" in entry["use"] else (96, 128)
            found = evaluated(corpus / entry["file"], folder, size)
            sys.stdout.write(json.dumps({"file": entry["file"], **found}) + "\n")


if __name__ == "__main__":
    main()
