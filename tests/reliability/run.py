"""Runs the experiments of one tier, a line for each: ``python tests/reliability/run.py merge|nightly|release``.

The exit code is 0 when none has failed. ``--only NAME`` runs some files, ``--seed N`` repeats a run that has failed,
``--minutes N`` stops drawing new cases in time: each file has an equal part of what is left.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_HERE = Path(__file__).resolve().parent
#: File → the experiments of the plan that it is.
EXPERIMENTS = {
    "test_kills": "1, 3",
    "test_power_cuts": "2",
    "test_failing_disk": "4",
    "test_refusing_disks": "4, 12",
    "test_true_disk_errors": "4",
    "test_state_machine": "5, 6",
    "test_snapshots_killed": "6",
    "test_labels_untouched": "7",
    "test_ids": "8",
    "test_foreign_changes": "9, 10",
    "test_two_programs": "11",
    "test_clock_jumps": "13",
    "test_golden_projects": "14",
    "test_migration": "14",
    "test_bit_flips": "15",
    "test_worker_torture": "17",
    "test_checkpoint_kills": "18",
    "test_exceptions": "20, 21",
    "test_soak": "22",
    "test_nasty_names": "23",
    "test_hostile_files": "24, 26",
    "test_fuzz": "25, 26",
    "test_no_network": "27-29",
}


@dataclass
class Outcome:
    """What one file of tests has shown.

    Attributes
    ----------
    count
        Cases, as the tests have counted them themselves, or tests.
    wanted
        Cases there are in the tier; more than `count` when the time was over before.
    words
        What else they tell.
    """

    code: int
    count: int
    wanted: int
    failed: int
    skipped: int
    words: list[str]


def run(name: str, tier: str, seed: str, minutes: float | None, report: Path) -> Outcome:
    """Run one file of tests in a process of its own; it writes to the terminal only when it fails."""
    environment = {**os.environ, "SEGSTUDIO_TIER": tier, "QT_QPA_PLATFORM": "offscreen"}
    environment |= {"SEGSTUDIO_SEED": seed} if seed else {}
    environment |= {"SEGSTUDIO_MINUTES": str(minutes)} if minutes is not None else {}
    options = ["-q", "--no-header", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    command = [sys.executable, "-m", "pytest", *options, str(_HERE / f"{name}.py")]
    done = subprocess.run(command, env=environment, cwd=_HERE.parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout[-20_000:] + done.stderr[-5_000:])
    if not report.exists():
        return Outcome(done.returncode or 1, 0, 0, 1, 0, ["nothing was run"])
    return _outcome(done.returncode, report)


def _outcome(code: int, report: Path) -> Outcome:
    cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 - pytest has just written it
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    count, wanted, words = 0, 0, []
    for case in cases:
        said = {item.get("name", ""): item.get("value", "") for item in case.iter("property")}
        count += int(said.get("count", "1"))
        wanted += int(said.get("wanted", said.get("count", "1")))
        words += [said["words"]] if "words" in said else []
    return Outcome(code, count, wanted, failed, skipped, words)


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tier", choices=("merge", "nightly", "release"))
    parser.add_argument("--only", metavar="NAME", nargs="+", help="these files, as test_kills")
    parser.add_argument("--seed", default="", help="what cases are drawn from (default: by chance at night, and told)")
    parser.add_argument("--minutes", type=float, help="the time there is for all of it")
    chosen = parser.parse_args()
    if chosen.tier != "merge":
        chosen.seed = chosen.seed or str(random.SystemRandom().randrange(1 << 32))
        sys.stdout.write(f"seed {chosen.seed}\n")
    names = sorted(path.stem for path in _HERE.glob("test_*.py"))
    names.sort(key=lambda name: int(EXPERIMENTS.get(name, "99").split(",")[0].split("-")[0]))
    if unknown := set(chosen.only or ()) - set(names):
        parser.error(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(names)}.")
    names = [name for name in names if not chosen.only or name in chosen.only]
    failed, end = False, time.monotonic() + 60 * (chosen.minutes or 0)
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names):
            start = time.monotonic()
            minutes = max(0.0, end - start) / 60 / (len(names) - number) if chosen.minutes is not None else None
            found = run(name, chosen.tier, chosen.seed, minutes, Path(folder) / f"{name}.xml")
            failed |= found.code != 0
            numbers = EXPERIMENTS.get(name, "-")
            cut = [f"of {found.wanted:,}: the time was over"] * (found.count < found.wanted and not found.failed)
            told = "; ".join(cut + [f"{found.skipped} skipped"] * bool(found.skipped) + found.words)
            line = f"{numbers:>7}  {name:<26} {found.count:>9,} cases  {found.failed:>3} failed"
            sys.stdout.write(f"{line}  {time.monotonic() - start:>7.0f} s  {told}".rstrip() + "\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
