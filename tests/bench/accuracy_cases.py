"""One case of the accuracy benchmark: some images, some minutes, ours or a peer; what it gave is kept in a file.

Everything is done as a user would type it, in processes of their own, so that a case that crashes is a case with an
error, and the next one goes on.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that a case may take beyond its minutes: start, prediction, scores, and a busy machine.
_PATIENCE = 1800
OURS = "segstudio"
#: How a peer is tested for, and its script; each prints nothing that is needed, its label images are scored.
PEERS = {
    "otsu": ("skimage", "peer_otsu_watershed.py"),
    "stardist": ("stardist, tensorflow", "peer_stardist_scratch.py"),
    "cellpose3": ("cellpose", "peer_cellpose3_scratch.py"),
}
#: Learns nothing: it needs no minutes and no training images.
UNTAUGHT = "otsu"


@dataclass(frozen=True)
class Case:
    """What is trained on what for how long.

    Attributes
    ----------
    program
        ``"segstudio"`` or the name of a peer.
    way
        Formulation and network, as ``"joint:unet"``; empty for a peer.
    images
        How many training images, the first by name; 0 for all.
    """

    dataset: str
    program: str
    way: str
    minutes: float
    images: int
    seed: int = 0

    @property
    def key(self) -> str:
        """A name for files and figures."""
        who = self.way.replace(":", "_") if self.program == OURS else self.program
        if self.program == UNTAUGHT:
            return f"{self.dataset}.{who}"
        seed = f".seed_{self.seed}" if self.seed else ""
        return f"{self.dataset}.{who}.{self.images or 'all'}_images.{self.minutes:g}_min{seed}"


@dataclass(frozen=True)
class Bench:
    """Where everything is.

    Attributes
    ----------
    work
        Scratch folder: linked images, runs, predictions, results.
    peers
        Folder with the scripts of the peers.
    pythons
        Interpreter in which a peer is installed, by its name; the own one otherwise.
    """

    data: Path
    work: Path
    peers: Path
    pythons: dict[str, str]
    device: str

    def result_file(self, case: Case) -> Path:
        """Return where the result of a case is kept."""
        return self.work / "results" / f"{case.key}.json"

    def kept(self, case: Case) -> dict[str, Any] | None:
        """Return the result of a case that was done before, ``None`` otherwise."""
        try:
            return dict(json.loads(self.result_file(case).read_bytes()))
        except (OSError, ValueError):
            return None

    def installed(self, peer: str) -> bool:
        """Return whether a peer can run here."""
        modules, script = PEERS[peer]
        test = [self.pythons.get(peer, sys.executable), "-c", f"import {modules}"]
        found = subprocess.run(test, capture_output=True, check=False, timeout=_PATIENCE).returncode == 0
        return found and (self.peers / script).is_file()

    def do(self, case: Case) -> dict[str, Any]:
        """Do a case, keep its result, and return it; a failure is a result with an ``"error"``."""
        began = time.monotonic()
        try:
            result = self._ours(case) if case.program == OURS else self._peer(case)
        except subprocess.CalledProcessError as error:
            lines = [line for line in (error.stderr or "").strip().splitlines() if line.strip()]
            result = {"error": " ".join(lines[-2:]) or f"exit code {error.returncode}"}
        except subprocess.TimeoutExpired as error:
            result = {"error": f"not done after {error.timeout / 60:.0f} minutes"}
        result |= {"case": asdict(case), "device": self.device, "took_min": round((time.monotonic() - began) / 60, 2)}
        file = self.result_file(case)
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".part")
        half.write_text(json.dumps(result, indent=1))
        half.replace(file)
        return result

    def _ours(self, case: Case) -> dict[str, Any]:
        place = self.work / "cases" / case.key
        run, predicted = place / "run", place / "predicted"
        formulation, _, network = case.way.partition(":")
        words = ["--formulation", formulation, *(["--architecture", network] if network else [])]
        limits = ["--training.max_minutes", str(case.minutes), "--training.seed", str(case.seed)]
        if (run / "job.json").exists() and not (run / "model" / "model.json").exists():
            words = ["--resume", *words]  # of an earlier try that was cut off
        patience = case.minutes * 60 * 2 + _PATIENCE
        if not (run / "model" / "model.json").exists():
            train = ["train", str(self.images(case)), "--out", str(run), "--device", self.device]
            _call([sys.executable, "-m", OURS, *train, *words, *limits, "--quiet"], patience)
        # Always anew: half of an earlier prediction would count as images in which nothing was found.
        shutil.rmtree(predicted, ignore_errors=True)
        images = self.data / case.dataset / "val" / "images"
        predict = ["predict", str(run), str(images), "--out", str(predicted), "--device", self.device, "--quiet"]
        began = time.monotonic()
        _call([sys.executable, "-m", OURS, *predict], patience)
        card = json.loads((run / "model" / "model.json").read_bytes())
        own = {f"own_{name}": value for name, value in card["scores"].items()}
        learned = {key: card["trained_on"].get(key) for key in ("images", "steps", "minutes")}
        seconds = {"predict_s": round(time.monotonic() - began, 1)}
        return self._scores(case, predicted) | own | learned | seconds

    def _peer(self, case: Case) -> dict[str, Any]:
        place = self.work / "cases" / case.key
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        script = [self.pythons.get(case.program, sys.executable), str(self.peers / PEERS[case.program][1])]
        truth = self.data / case.dataset / "val"
        if case.program == UNTAUGHT:
            _call([*script, str(truth / "images"), str(place / "pred")], _PATIENCE)
            return self._scores(case, place / "pred")
        folder = self.images(case)
        count = sum(1 for _ in (folder / "images").iterdir())
        words = [str(folder), str(truth), str(place), str(count), str(case.minutes)]
        _call([*script, *words], case.minutes * 60 * 3 + _PATIENCE)
        return self._scores(case, place / "pred")

    def _scores(self, case: Case, predicted: Path) -> dict[str, Any]:
        """Return F1 and AP by threshold, pooled over the validation images, and what an independent scorer says."""
        truth, report = self.data / case.dataset / "val" / "masks", predicted.with_suffix(".json")
        words = ["evaluate", str(predicted), str(truth), "--json", str(report), "--quiet"]
        _call([sys.executable, "-m", OURS, *words], _PATIENCE)
        figures = json.loads(report.read_bytes())["all"]
        scores: dict[str, Any] = {"f1": figures["f1"], "ap": figures["ap"]}
        scorer = self.peers / "score.py"
        if scorer.is_file():
            said = _call([sys.executable, str(scorer), str(predicted), str(truth)], _PATIENCE)
            other = json.loads(said.strip().splitlines()[-1])
            scores["independent"] = {"f1": other["F1@0.5"], "ap": other["AP@0.5"], "ap80": other["AP@0.8"]}
        return scores

    def images(self, case: Case) -> Path:
        """Return a folder with the first training images by name and their masks, linked.

        It is all that a training sees: the images for validation while it learns are taken out of these, never out of
        those that it is scored on.
        """
        target = self.work / "data" / f"{case.dataset}-{case.images or 'all'}"
        source = self.data / case.dataset / "train"
        if (target / "complete").exists():
            return target
        for path in sorted((source / "images").iterdir())[: case.images or None]:
            mask = source / "masks" / f"{path.stem}.tif"
            for kind, file in (("images", path), ("masks", mask)):
                (target / kind).mkdir(parents=True, exist_ok=True)
                _link(file, target / kind / file.name)
        (target / "complete").touch()
        return target


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        target.symlink_to(source)
    except OSError:  # where only administrators may link
        shutil.copyfile(source, target)


def _call(command: list[str], seconds: float) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=True, timeout=seconds, env=environment
    )
    return done.stdout
