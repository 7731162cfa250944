"""``segstudio bake-off``: train several formulations and networks for the same minutes and see which wins."""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from rich.console import Console, Group
from rich.live import Live

from segstudio.cli.bake_off_table import report_of, table_of
from segstudio.cli.flags import add_flags, given_settings
from segstudio.cli.project_words import add_images_from, take_images_from
from segstudio.cli.train import training_data
from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.core.errors import JobFailed, WrongUsage
from segstudio.io.atomic import make_folders
from segstudio.jobs import run_lock
from segstudio.jobs.catalogue import Catalogue, load_catalogue, store_catalogue
from segstudio.jobs.messages import Message
from segstudio.session.background import Background
from segstudio.session.bake_off import BakeOff
from segstudio.session.bake_off_candidates import DEFAULT_CANDIDATES, Candidate, candidate_from, folder_name
from segstudio.session.bake_off_record import Record, estimated_minutes, minutes_each, new_record, read_record
from segstudio.session.bake_off_result import JUDGES, Judge, judge_called, verdict
from segstudio.session.job_queue import JobQueue

_RECORD = "bake-off.json"
_LOCK = "bake-off.lock"
#: What the bake-off itself decides.
_ITS_OWN = ("training.max_minutes", "training.epochs")
_TURN = 0.25
_DEFAULT_MINUTES = 10.0
#: Seconds that threads have to end.
_PATIENCE = 10.0


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``bake-off`` to the commands."""
    parser = subparsers.add_parser(
        "bake-off",
        help="compare formulations and networks on your images",
        description="Trains each candidate for the same minutes on the same images with the same settings and seed, "
        "scores all models on the whole validation images, and says which wins, by how much, and whether chance "
        "could explain it. Ctrl+C stops; the same command goes on where it stopped. DATA is what `segstudio train` "
        "takes.",
    )
    parser.add_argument("data", metavar="DATA", type=Path, help="project or folder of images with masks")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="folder for all trainings")
    add_images_from(parser)
    parser.add_argument(
        "--candidates",
        metavar="LIST",
        help="FORMULATION:NETWORK with commas between them, as `segstudio catalogue` lists them "
        f"(default: {_listed(DEFAULT_CANDIDATES)})",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", metavar="X", type=float, help="minutes for each candidate (default: 10)")
    budget.add_argument("--total-minutes", metavar="X", type=float, help="minutes for all, divided among them")
    titles = ", ".join(f"{judge.key} = {judge.title}" for judge in JUDGES)
    parser.add_argument(
        "--judge", choices=[judge.key for judge in JUDGES], default=JUDGES[0].key, help=f"what decides: {titles}"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="(default: auto)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON instead of the table")
    parser.add_argument("--quiet", action="store_true", help="say nothing until the table")
    shared = [field for field in form_spec(RunConfig.model_json_schema()) if field.path not in _ITS_OWN]
    add_flags(parser, shared)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Compare, and print the result; return the exit code."""
    base, judge = namespace.out.resolve(), judge_called(namespace.judge)
    from segstudio.project.intake import refuse_no_text

    refuse_no_text(base)
    record = _record(namespace, base)
    make_folders(base)
    with _alone(base):
        finished = _compare(record, base, judge, namespace)
    if namespace.json:
        print(json.dumps(report_of(finished, judge, base), indent=2))  # noqa: T201
    else:
        console = Console(width=200 if not sys.stdout.isatty() else None, highlight=False)
        console.print(table_of(finished, judge))
        console.print(f"\n{verdict(finished, judge)}", markup=False)
    if not any(row.state == "done" for row in finished.rows):
        raise JobFailed("No candidate could be scored.", hint="The table says why of each.", code="none-scored")
    return 0


def _compare(record: Record, base: Path, judge: Judge, namespace: argparse.Namespace) -> Record:
    """Do what is left to do and return the record at its end."""
    console = Console(stderr=True, quiet=namespace.quiet, highlight=False)
    loop = Loop()
    bake_off = BakeOff(loop.jobs, loop.background)
    shown = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else nullcontext()
    said: dict[str, str] = {}

    def tell() -> None:
        now = bake_off.record
        if now is None:
            return
        if isinstance(shown, Live):
            shown.update(Group(table_of(now, judge), f"\n{loop.jobs.summary()[0]}"))
            return
        for row in now.rows:
            if said.get(row.run, "waiting") != row.state:
                said[row.run] = row.state
                console.print(f"{row.title}: {row.state} {row.error} {row.hint}".strip(), markup=False)

    try:
        left = [row for row in record.rows if row.state not in ("done", "failed")]
        about = estimated_minutes(len(left), record.minutes)
        if left:
            which = "1 candidate" if len(left) == 1 else f"{len(left)} candidates"
            console.print(f"{which}, {record.minutes:g} min each: about {max(about, 1):.0f} min in all.")
        bake_off.begin(base / _RECORD, record)
        with shown:
            loop.until(lambda: not bake_off.running, tell)
    except KeyboardInterrupt:
        console.print("The same command goes on with it.")
        raise
    finally:
        loop.close()
    if bake_off.record is None or not bake_off.record.over:
        raise JobFailed(
            "The comparison was stopped before its end.", hint="The same command goes on with it.", code="interrupted"
        )
    return bake_off.record


class Loop:
    """The jobs of a program without a window: threads read their messages, this thread acts on them."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.background = Background(self._calls.put)
        self.jobs = JobQueue(self.background)
        self.jobs.follow = self._follow

    def until(self, reached: Callable[[], bool], each_turn: Callable[[], None]) -> None:
        """Act on what comes until `reached`."""
        last = 0.0
        while not reached():
            with suppress(Empty):
                self._calls.get(timeout=_TURN)()  # with an end: Ctrl+C waits for no lock on Windows
            if time.monotonic() - last > _TURN:
                last = time.monotonic()
                each_turn()
        each_turn()

    def close(self) -> None:
        """End all threads; a training whose input closes with this program stops at its checkpoint."""
        self.jobs.close()
        self.background.close()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _follow(self, messages: Iterator[Message], handle: Callable[[Message], None]) -> None:
        def read() -> None:
            for message in messages:
                self._calls.put(lambda message=message: handle(message))  # type: ignore[misc]

        self._threads.append(threading.Thread(target=read, name="job-messages", daemon=True))
        self._threads[-1].start()


def _record(namespace: argparse.Namespace, base: Path) -> Record:
    """Return the record in `base` with the candidates that were asked for, or a new one."""
    take_images_from(namespace.images_from, namespace.data)
    path = base / _RECORD
    kept = read_record(path) if path.exists() else None
    asked = _candidates(namespace.candidates) if namespace.candidates or kept is None else []
    config = given_settings(namespace)
    if kept is not None:
        data = training_data(namespace.data)
        count = len({row.candidate.key for row in kept.rows} | {candidate.key for candidate in asked})
        asks_minutes = namespace.minutes is not None or namespace.total_minutes is not None
        minutes = _minutes(namespace, count) if asks_minutes else kept.minutes
        wanted = new_record(kept.name, _named(asked), data, config, minutes)
        return _gone_on(kept, wanted, base).model_copy(update={"device": namespace.device})
    if base.exists() and any(item.name != _LOCK for item in base.iterdir()):
        raise WrongUsage(
            f"The folder {base} is not empty and holds no comparison.", hint="Choose another folder.", code="not-empty"
        )
    minutes = _minutes(namespace, len(asked))
    data = training_data(namespace.data)
    record = new_record(base.name, _named(asked), data, config, minutes, namespace.device)
    return record.model_copy(update={"created": time.time()})


def _gone_on(kept: Record, wanted: Record, base: Path) -> Record:
    """Return `kept` with the candidates of `wanted` that it lacks; raise `WrongUsage` where they compare unlike."""
    differences = [
        (kept.minutes != wanted.minutes, f"{kept.minutes:g} minutes for each candidate, not {wanted.minutes:g}"),
        (kept.config != wanted.config, "other settings"),
        (kept.samples != wanted.samples or kept.classes != wanted.classes, "other images or another split"),
    ]
    for differs, words in differences:
        if differs:
            raise WrongUsage(
                f"The folder {base} holds a comparison with {words}.",
                hint="Give the same as before to go on with it, or another folder (--out) for a new one.",
                code="bake-off-other",
            )
    known = {row.candidate.key for row in kept.rows}
    more = tuple(row for row in wanted.rows if row.candidate.key not in known)
    return kept.model_copy(update={"rows": (*kept.rows, *more)})


def _minutes(namespace: argparse.Namespace, count: int) -> float:
    each = _DEFAULT_MINUTES if namespace.minutes is None else namespace.minutes
    return minutes_each(count, each, namespace.total_minutes)


def _candidates(words: str | None) -> list[Candidate]:
    catalogue = _catalogue()
    if words is not None:
        return [candidate_from(word, catalogue) for word in words.split(",") if word.strip()]
    known = {offer.name for offer in (*catalogue.formulations, *catalogue.architectures)}
    return [candidate_from(_key(pair), catalogue) for pair in DEFAULT_CANDIDATES if known.issuperset(pair)]


def _catalogue() -> Catalogue:
    kept = load_catalogue()
    if kept is not None:
        return kept
    from segstudio.engine.catalogue import make_catalogue

    made = make_catalogue()
    store_catalogue(made)
    return made


def _named(candidates: Sequence[Candidate]) -> list[tuple[Candidate, str]]:
    return [(candidate, folder_name(candidate)) for candidate in candidates]


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """Let no second command work on the comparison in `base`."""
    lock = base / _LOCK
    if not run_lock.take(lock):
        raise WrongUsage(
            f"Another program works on the comparison in {base}.", hint="Wait until it ends.", code="bake-off-busy"
        )
    try:
        yield
    finally:
        run_lock.give_back(lock)


def _key(pair: tuple[str, str]) -> str:
    return ":".join(pair)


def _listed(pairs: Sequence[tuple[str, str]]) -> str:
    return ",".join(_key(pair) for pair in pairs)
