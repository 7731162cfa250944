"""How good models become on real images: formulations times minutes, and peers beside them. One JSON line a figure.

Run with ``python tests/bench/accuracy.py --quick --work FOLDER`` (within 25 minutes on two cores), or without
``--quick`` on a graphics card; needs the folder of test images (``SEGSTUDIO_DATA``). Everything is learned from the
first images of ``train`` and scored on all of ``val``: F1 and AP at overlaps of 0.5 to 0.9, pooled, as in the StarDist
paper. Settings, best epoch and decoder are picked on a part of the training images, never on ``val``.

Results are kept in FOLDER: the same command goes on where it was cut off, and prints all figures again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from accuracy_cases import OURS, PEERS, ROOT, UNTAUGHT, Bench, Case
from bench_figure import exit_code, figure

from segstudio.session.bake_off_candidates import DEFAULT_CANDIDATES

#: The first is what a training does that is told nothing.
_DEFAULT_WAY = ":".join(DEFAULT_CANDIDATES[0])
_DATASETS = ("nuclei", "membrane", "histology")
_AP_SHOWN = ("0.50", "0.60", "0.70", "0.80", "0.90")
#: Twenty labelled images and ten minutes of two cores, all else default: the promise to a user.
_PROMISE = Case("nuclei", OURS, _DEFAULT_WAY, 10.0, 20)
_PROMISED = {"f1_at_0.5": 0.87, "ap_at_0.8": 0.45}
#: All images and a graphics card, the best way: published on like data are 0.864 and 0.489.
_FULL = {"ap_at_0.5": 0.88, "ap_at_0.8": 0.60}
_FULL_MINUTES = 30.0


def main() -> None:
    """Do what is not done yet, then print all figures and the table."""
    wishes = _wishes()
    work = wishes.work.resolve()
    if work.is_relative_to(ROOT):
        raise SystemExit(f"{work} lies in the repository: give a scratch folder outside of it (--work).")
    data = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not (data / "nuclei").is_dir():
        raise SystemExit(f"There are no test images in {data}: set SEGSTUDIO_DATA.")
    peers = Path(os.environ.get("SEGSTUDIO_PEERS", ROOT.parent / "shared" / "peers")).resolve()
    bench = Bench(data, work, peers, dict(word.split("=", 1) for word in wishes.peer_python), wishes.device)
    cases = list(dict.fromkeys(_cases(wishes, bench)))
    began, done = time.monotonic(), 0
    for number, case in enumerate(cases, start=1):
        kept = bench.kept(case)
        if kept is not None and not ("error" in kept and wishes.again):
            done += 1
            continue
        if wishes.stop_after and (time.monotonic() - began) / 60 > wishes.stop_after:
            _say(f"Stopped after {wishes.stop_after:g} minutes; the same command goes on.")
            break
        _say(f"{number} of {len(cases)}: {case.key}")
        result = bench.do(case)
        done += 1
        _say(f"    {result.get('error') or _short(result)}")
    results = {case: kept for case in cases if (kept := bench.kept(case)) is not None}
    for case, result in results.items():
        _print(case, result, _peer_of(case, results))
    _print_best(results)
    _say(_table(results))


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="scratch folder outside the repository")
    parser.add_argument("--quick", action="store_true", help="a choice for 25 minutes of two cores")
    parser.add_argument("--datasets", nargs="+", choices=_DATASETS, default=None)
    parser.add_argument("--formulations", nargs="+", metavar="NAME[:NETWORK]", help='or "all" (default: all)')
    parser.add_argument("--budgets", "--minutes", nargs="+", type=float, metavar="MIN", help="minutes of training")
    parser.add_argument("--images", nargs="+", type=int, metavar="N", help="training images, 0 for all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=None, help="(default: all installed ones)")
    parser.add_argument("--peer-python", nargs="+", default=[], metavar="PEER=PYTHON", help="where a peer is installed")
    parser.add_argument("--stop-after", type=float, default=0.0, metavar="MIN", help="begin nothing new after that")
    parser.add_argument("--again", action="store_true", help="try again what has failed")
    return parser.parse_args()


def _cases(wishes: argparse.Namespace, bench: Bench) -> Iterable[Case]:
    """Yield what is to be done, what matters most first."""
    peers = [peer for peer in wishes.peers or (PEERS if wishes.peers is None else ()) if _usable(bench, peer)]
    chosen = any((wishes.datasets, wishes.formulations, wishes.budgets, wishes.images))
    datasets = wishes.datasets or _DATASETS
    yield from (Case(dataset, UNTAUGHT, "", 0.0, 0) for dataset in datasets if UNTAUGHT in peers)
    if not chosen:
        taught = [peer for peer in peers if peer != UNTAUGHT]
        yield from _quick() if wishes.quick else _full(taught)
        return
    budgets = wishes.budgets or [_PROMISE.minutes, _FULL_MINUTES]
    counts = wishes.images or [_PROMISE.images, 0]
    ways = _known(wishes.formulations or ["all"])
    for seed in wishes.seeds:
        for dataset in datasets:
            for images in counts:
                for minutes in budgets:
                    yield from (Case(dataset, OURS, way, minutes, images, seed) for way in ways)
                    taught = (peer for peer in peers if peer != UNTAUGHT)
                    yield from (Case(dataset, peer, "", minutes, images, seed) for peer in taught)


def _quick() -> Iterable[Case]:
    yield _PROMISE
    yield from (Case("nuclei", OURS, way, 1.0, 20) for way in _known(":".join(pair) for pair in DEFAULT_CANDIDATES))
    yield from (Case(dataset, OURS, _DEFAULT_WAY, 1.5, 0) for dataset in ("membrane", "histology"))


def _full(peers: Iterable[str]) -> Iterable[Case]:
    """Yield hours of cases: what a target is set for, then every formulation on few labels, then other images."""
    first, ways = _known(":".join(pair) for pair in DEFAULT_CANDIDATES), _known(["all"])
    yield _PROMISE
    for peer in peers:
        yield Case("nuclei", peer, "", _PROMISE.minutes, _PROMISE.images)
    yield from (Case("nuclei", OURS, way, _FULL_MINUTES, 0) for way in first)
    for minutes in (2.0, _PROMISE.minutes):
        yield from (Case("nuclei", OURS, way, minutes, _PROMISE.images) for way in ways)
    for dataset in ("membrane", "histology"):
        yield from (Case(dataset, OURS, way, _PROMISE.minutes, 0) for way in ways)


def _known(words: Iterable[str]) -> list[str]:
    """Return ways with their networks; "all" stands for every formulation whose outlines can be scored."""
    said = subprocess.run(
        [sys.executable, "-m", OURS, "catalogue", "--json"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    offers = {offer["name"]: offer for offer in json.loads(said.stdout)["formulations"]}
    network = DEFAULT_CANDIDATES[0][1]
    ways = []
    for word in words:
        names = [name for name, offer in offers.items() if offer["result"] == "objects"] if word == "all" else [word]
        for name in names:
            formulation, _, given = name.partition(":")
            if formulation not in offers:
                _say(f"There is no formulation {formulation}; it is left out.")
                continue
            own = offers[formulation]["own_network"]
            ways.append(formulation if own else f"{formulation}:{given or network}")
    return sorted(dict.fromkeys(ways), key=lambda way: way != _DEFAULT_WAY)


def _usable(bench: Bench, peer: str) -> bool:
    if bench.installed(peer):
        return True
    _say(f"{peer} is not installed here, or its script is missing; it is left out.")
    return False


def _print(case: Case, result: dict[str, Any], peer: dict[str, Any] | None) -> None:
    if "error" in result:
        line = {"name": f"accuracy.{case.key}", "value": None, "error": result["error"]}
        print(json.dumps(line), flush=True)
        return
    targets = _PROMISED if case == _PROMISE else {}
    curve = {f"ap_{threshold}": result["ap"][threshold] for threshold in _AP_SHOWN}
    figures = {"f1_at_0.5": ("f1", "0.50", "F1"), "ap_at_0.5": ("ap", "0.50", "AP"), "ap_at_0.8": ("ap", "0.80", "AP")}
    for name, (measure, threshold, unit) in figures.items():
        figure(
            f"accuracy.{case.key}.{name}",
            result[measure][threshold],
            unit,
            target=targets.get(name),
            peer=(peer[measure][threshold] or None) if peer is not None else None,
            least_ratio=1.0 if peer is not None else None,
            higher_is_better=True,
            **(curve if name == "ap_at_0.5" else {}),
        )
    independent = result.get("independent")
    if independent is not None and abs(independent["ap80"] - result["ap"]["0.80"]) > 1e-3:
        figure(f"accuracy.{case.key}.independent_ap_at_0.8", independent["ap80"], "AP", target=result["ap"]["0.80"])


def _peer_of(case: Case, results: dict[Case, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the best result of a peer with the same images and minutes; none for a peer itself."""
    if case.program != OURS:
        return None
    like = [
        result
        for other, result in results.items()
        if other.program not in (OURS, UNTAUGHT)
        and "error" not in result
        and (other.dataset, other.minutes, other.images) == (case.dataset, case.minutes, case.images)
    ]
    # Only the default is promised to beat the peers; the others are compared in the table.
    return max(like, key=lambda result: result["f1"]["0.50"], default=None) if case.way == _DEFAULT_WAY else None


def _print_best(results: dict[Case, dict[str, Any]]) -> None:
    """Print the figures of the way that was best on its own validation images, with all images and a graphics card."""
    full = {
        case: result
        for case, result in results.items()
        if case.program == OURS
        and case.dataset == "nuclei"
        and not case.images
        and "error" not in result
        and case.minutes >= _FULL_MINUTES
    }
    if not full:
        return
    case, result = max(full.items(), key=lambda item: item[1]["own_ap50"] + item[1]["own_ap75"])
    for name, target in _FULL.items():
        threshold = f"{float(name.removeprefix('ap_at_')):.2f}"
        figure(f"accuracy.best.{case.key}.{name}", result["ap"][threshold], "AP", target=target, higher_is_better=True)


def _table(results: dict[Case, dict[str, Any]]) -> str:
    """Return formulations and peers times budgets as a table in Markdown: F1 at 0.5, AP at 0.5, AP at 0.8."""
    lines = []
    for dataset in dict.fromkeys(case.dataset for case in results):
        mine = {case: result for case, result in results.items() if case.dataset == dataset}
        columns = sorted({(case.images or 10**9, case.minutes) for case in mine if case.program != UNTAUGHT})
        names = dict.fromkeys(case.way or case.program for case in mine)
        heads = [f"{'all' if images == 10**9 else images} images, {minutes:g} min" for images, minutes in columns]
        lines += [
            f"\n### {dataset}",
            f"| | {' | '.join(heads) or 'no training'} |",
            f"|---|{'---|' * max(len(heads), 1)}",
        ]
        for name in names:
            cells = [_cell(mine, name, place) for place in columns] or [_cell(mine, name, None)]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "\nF1 at IoU 0.5, AP at 0.5, AP at 0.8; mean over seeds"])


def _cell(results: dict[Case, dict[str, Any]], name: str, place: tuple[int, float] | None) -> str:
    found = [
        result
        for case, result in results.items()
        if (case.way or case.program) == name
        and (case.program == UNTAUGHT or place == (case.images or 10**9, case.minutes))
    ]
    good = [result for result in found if "error" not in result]
    if not good:
        return "failed" if found else ""
    values = ([r["f1"]["0.50"], r["ap"]["0.50"], r["ap"]["0.80"]] for r in good)
    return " ".join(f"{sum(column) / len(good):.3f}" for column in zip(*values, strict=True))


def _short(result: dict[str, Any]) -> str:
    scores = f"F1@0.5 {result['f1']['0.50']:.3f}  AP@0.5 {result['ap']['0.50']:.3f}  AP@0.8 {result['ap']['0.80']:.3f}"
    return f"{scores}  ({result['took_min']:g} min)"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())
