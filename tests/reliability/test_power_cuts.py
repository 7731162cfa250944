"""The power goes while somebody works: on every disk that may be left, all that was called safe is there again."""

import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from reliability.cases import Cases
from reliability.crash_states import History, Recorder, Step, build
from reliability.recorded_session import Judge, Session, make_images
from reliability.stand_in_stores import STORES, version

#: Power cuts of one session.
_CUTS = 1_000
#: Power cuts without one kind of sync, in each round.
_WITHOUT = 300
_MODELS = ("least", "most", "ordered", "weak", "ordered", "weak")
#: Syncs that no power cut alone can show to be needed, and what they are there for.
_FOR_ELSE = {
    "sync p/.segstudio/journal/*/base-*": "read only when another program has changed the label files",
}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory, where there is one."""
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=place if place.is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)


def record(folder: Path, seed: int) -> Session:
    """Let a session work on a disk that writes it down."""
    make_images(folder)
    (folder / "disk").mkdir()
    (folder / "cut").mkdir()
    session = Session(folder / "disk", seed, Recorder(folder / "disk"))
    session.work()
    return session


def cut(history: History, judge: Judge, count: int, chance: random.Random) -> Iterator[str]:
    """Cut the power `count` times; yield what is wrong each time, and where."""
    for number in range(count):
        at, model = chance.randint(0, len(history.steps)), _MODELS[number % len(_MODELS)]
        fault = judge.verdict(at, history.disk(at, chance, model))
        yield f"after {at} steps, {model}: {fault}" if fault else ""


def role(step: Step) -> str:
    """Return what a sync is for, the same for all images and runs."""
    path = re.sub(r"/[0-9a-f]{12}(?=[/.]|$)", "/*", step.path)
    path = re.sub(r"/[^/]+\.sj$", "/*.sj", re.sub(r"/(a|b|c)\.(tif|json)$", r"/*.\2", path))
    return f"{step.kind} {re.sub(r'/base-[a-z]+[.][a-z]+$', '/base-*', path)}"


@pytest.mark.slow
def test_after_a_power_cut_everything_called_safe_is_there(
    memory: Path, cases: Cases, seed: int, record_property: Callable[[str, object], None]
) -> None:
    faults: Counter[str] = Counter()
    recovered = 0
    for number in cases(merge=2, nightly=200, release=200, each=_CUTS):
        folder = memory / str(number)
        folder.mkdir()
        session = record(folder, seed + number)
        history = History.of(session.disk)
        judge = Judge(history, session.truth, folder / "cut")
        faults.update(filter(None, cut(history, judge, _CUTS, random.Random(seed + number))))
        recovered += judge.recovered
        shutil.rmtree(folder)
    record_property("words", f"{recovered} different recoveries")
    assert not faults, f"seed {seed}: {sum(faults.values())} of {cases.judged} disks are bad: {faults.most_common(8)}"


@pytest.mark.slow
def test_each_sync_is_needed_and_its_absence_seen(
    memory: Path, tier: Callable[..., int], cases: Cases, seed: int, record_property: Callable[[str, object], None]
) -> None:
    session = record(memory, seed)
    whole = History.of(session.disk)
    enough = tier(merge=1, nightly=_WITHOUT, release=_WITHOUT)
    roles = sorted({role(step) for step in whole.steps if step is not None and step.kind.startswith("sync")})
    less = {
        name: whole.without(lambda step, n=name: step.kind.startswith("sync") and role(step) == n) for name in roles
    }
    judges = {name: Judge(less[name], session.truth, memory / "cut") for name in roles}
    tried, bad = Counter[str](), Counter[str]()
    for number in cases(merge=1, nightly=10, release=10, each=len(roles)):
        for name in roles:
            seen = 0
            for fault in cut(less[name], judges[name], _WITHOUT, random.Random(seed + number)):
                tried[name] += 1
                seen += bool(fault)
                if seen == enough:
                    break
            bad[name] += seen
    for name in roles:
        left_out = sum(step is None for step in less[name].steps)
        record_property(f"without “{name}” ({left_out} times)", f"{bad[name]} of {tried[name]} disks are bad")
    assert not {name for name in roles if not bad[name]} - set(_FOR_ELSE), (
        "syncs that nothing depends on, or of which nothing here would see the absence"
    )


@pytest.mark.parametrize("name", STORES)
def test_how_others_save_is_found_out(memory: Path, name: str, seed: int) -> None:
    save, load, _, harmed = STORES[name]
    (memory / "disk").mkdir()
    (memory / "cut").mkdir()
    disk = Recorder(memory / "disk")
    for number in range(1, 6):
        disk.mark("begun", number)
        save(disk.root, version(number), disk)
        disk.mark("durable", number)
    history, chance, bad = History.of(disk), random.Random(seed), 0
    for number in range(400):
        at = chance.randint(0, len(history.steps))
        build(history.disk(at, chance, _MODELS[number % len(_MODELS)]), memory / "cut")
        known = [mark for mark in history.marks if mark.at <= at]
        low = max((mark.value for mark in known if mark.kind == "durable"), default=0)
        high = max((mark.value for mark in known if mark.kind == "begun"), default=0)
        try:
            found = load(memory / "cut")
        except (OSError, ValueError, EOFError):
            bad += low > 0
        else:
            bad += not any(np.array_equal(found, version(number)) for number in range(low, high + 1))
    assert bool(bad) == harmed, f"{bad} of 400 disks are bad"
