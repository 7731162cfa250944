"""The record of a bake-off: which ways to learn are compared, under which conditions, and how far it is.

One small JSON file beside the runs, written whole after every step: whoever reads it knows what is to be done next.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segstudio.config.problems import first_problem
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.json_file import limited_bytes
from segstudio.jobs.evaluation import REPORT_NAME, Evaluation
from segstudio.jobs.model_folder import model_folder
from segstudio.jobs.spec import ClassSpec, Device, EvaluateJob, SampleRecord, TrainJob
from segstudio.session.bake_off_candidates import Candidate

SCHEMA_VERSION: Final = 1
#: Ending of the name of a record.
_ENDING = ".bake-off.json"
#: Minutes that a candidate takes beside its training: start of the process, scoring of its model.
_OVERHEAD_MIN = 0.4
#: The longest that a training can be told to take.
MOST_MINUTES: Final = 100_000.0

RowState = Literal["waiting", "training", "scoring", "done", "failed"]
#: States in which nothing more will be done about a candidate.
OVER: frozenset[RowState] = frozenset({"done", "failed"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Frozen):
    """One candidate and what became of it."""

    candidate: Candidate
    run: str
    """Name of its run folder, and id of its training."""
    state: RowState = "waiting"
    error: str = ""
    """Why it failed, in a sentence."""
    hint: str = ""
    crashes: int = 0
    """How often its process, and with it whoever compared, ended without a word."""
    stopped: bool = False
    """It was stopped before its minutes were over; its best model of that moment was scored."""
    minutes: float = 0.0
    """For how long it learned."""
    looks: int | None = None
    """How often it was validated meanwhile; ``None`` in records of versions that did not count."""
    evaluation: Evaluation | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return self.candidate.title or self.candidate.key


class Record(_Frozen):
    """A whole bake-off."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    created: float = 0.0
    """Seconds since the epoch."""
    minutes: float = Field(gt=0)
    """Time for the training of each candidate."""
    samples: tuple[SampleRecord, ...]
    classes: tuple[ClassSpec, ...]
    config: dict[str, dict[str, Any]] = {}
    """Sections of RunConfig, the same for all candidates; the seed too."""
    device: Device = "auto"
    rows: tuple[Row, ...]

    @model_validator(mode="after")
    def _compares_alike(self) -> "Record":
        scored = {tuple(image.image_id for image in row.evaluation.images) for row in self.rows if row.evaluation}
        if len(scored) > 1:
            raise ValueError("its candidates were scored on different images")
        return self

    @property
    def validation(self) -> tuple[SampleRecord, ...]:
        """The images that all candidates are scored on."""
        return tuple(sample for sample in self.samples if sample.split == "val" and sample.labels is not None)

    @property
    def next_row(self) -> Row | None:
        """The candidate whose turn it is; ``None`` when all are over."""
        return next((row for row in self.rows if row.state not in OVER), None)

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done."""
        return self.next_row is None

    def row(self, run: str) -> Row | None:
        """Return the candidate with this run."""
        return next((row for row in self.rows if row.run == run), None)

    def changed(self, run: str, **values: object) -> "Record":
        """Return the record with other values in the row of a run."""
        rows = tuple(row.model_copy(update=values) if row.run == run else row for row in self.rows)
        return self.model_copy(update={"rows": rows})


def minutes_each(count: int, each: float = 0.0, in_all: float | None = None) -> float:
    """Return the minutes for each of `count` candidates; a budget `in_all` is divided, where there is one.

    Raises
    ------
    WrongUsage
        There are no two candidates to compare, or no time, or more than a training can have.
    """
    if count < 2:
        raise WrongUsage(
            f"There {'is one candidate' if count else 'are no candidates'}; a comparison needs two or more.",
            hint="Choose more ways to find objects, or more networks.",
            code="too-few-candidates",
        )
    minutes = each if in_all is None else in_all / count
    if not 0 < minutes <= MOST_MINUTES:
        raise WrongUsage(
            f"{minutes:g} minutes for each candidate are {'too many' if minutes > 0 else 'too few'}.",
            hint="Give each at least a minute; ten tell more.",
            code="no-minutes",
        )
    return minutes


def estimated_minutes(count: int, minutes: float) -> float:
    """Return how long all candidates take together, with starting and scoring."""
    return count * (minutes + _OVERHEAD_MIN)


def new_record(
    name: str,
    candidates: Iterable[tuple[Candidate, str]],
    data: tuple[Sequence[SampleRecord], Sequence[ClassSpec]],
    config: Mapping[str, Mapping[str, Any]],
    minutes: float,
    device: Device = "auto",
) -> Record:
    """Return a record in which nothing is done yet.

    Parameters
    ----------
    candidates
        Each with the name of its run folder, which does not exist.
    data
        All labelled images with their split, and the classes.
    config
        Sections of RunConfig; limits of time and epochs in them give way to `minutes`.

    Raises
    ------
    WrongUsage
        No image is kept for validation, none is for training, or two candidates are the same.
    """
    samples, classes = data
    record = Record(
        name=name,
        minutes=minutes,
        # Labels only: who makes images of images cannot be scored by the objects in them.
        samples=tuple(sample.model_copy(update={"target": None}) for sample in samples),
        classes=tuple(classes),
        config=_same_for_all(config, minutes),
        device=device,
        rows=tuple(Row(candidate=candidate, run=run) for candidate, run in candidates),
    )
    _check_comparable(record)
    return record


def _check_comparable(record: Record) -> None:
    """Raise `WrongUsage` when nothing could be compared."""
    keys = [row.candidate.key for row in record.rows]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise WrongUsage(f"{twice} is in the list of candidates twice.", hint="Leave one of them out.", code="twice")
    if not any(sample.split == "train" for sample in record.samples):
        raise WrongUsage(
            "There is nothing to train on: no labelled image is for training.",
            hint="Label some images, or mark some for training.",
            code="no-labels",
        )
    if not record.validation:
        raise WrongUsage(
            "No labelled image is kept for validation, so nothing can tell which candidate is better.",
            hint="Label at least one more image and mark it for validation; five or more tell more.",
            code="no-validation",
        )


def training_name(record: Record, row: Row) -> str:
    """Return what the training of a candidate is called in the list of runs."""
    return f"{record.name}: {row.title}"


def training_job(record: Record, row: Row, base: Path, *, resume: bool = False) -> TrainJob:
    """Return the ordinary training of one candidate, in the folder `base` of all runs."""
    candidate = row.candidate
    network = {} if candidate.architecture is None else {"architecture": candidate.architecture}
    return TrainJob(
        job_id=row.run,
        name=training_name(record, row),
        run_folder=base / row.run,
        samples=record.samples,
        classes=record.classes,
        formulation=candidate.formulation,
        config=record.config,
        resume=resume,
        device=record.device,
        **network,
    )


def scoring_job(record: Record, row: Row, base: Path, job_id: str) -> EvaluateJob:
    """Return the job that scores the model of one candidate on all validation images."""
    folder = base / row.run
    return EvaluateJob(
        job_id=job_id,
        model=model_folder(folder),
        samples=record.validation,
        report=folder / REPORT_NAME,
        device=record.device,
    )


def write_record(path: Path, record: Record) -> None:
    """Write the record whole; raise `DiskError` when the disk refuses."""
    make_folders(path.parent)
    write_atomic(path, record.model_dump_json(indent=1).encode())


def read_record(path: Path) -> Record:
    """Read a record; raise `BadInput` when it is damaged or of a newer program."""
    try:
        return Record.model_validate_json(limited_bytes(path))
    except (OSError, ValidationError) as error:
        raise BadInput(
            f"The comparison in {path.name} {_why_unreadable(error)}.",
            hint="Start a new one, on the command line in another folder; the models that this one trained stay.",
            code="bake-off-damaged",
            path=path,
        ) from error


def _why_unreadable(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    first = error.errors()[0]
    if first["loc"] == ("schema_version",):
        return "was made by another version of the program"
    return f"is damaged: {first_problem(error)}"


def record_path(base: Path, name: str) -> Path:
    """Return where the record called `name` lies beside the runs in `base`."""
    return base / f"{name}{_ENDING}"


def record_name(path: Path) -> str:
    """Return what the record at `path` is called."""
    return path.name.removesuffix(_ENDING)


def all_records(base: Path) -> list[Path]:
    """Return all records beside the runs in `base`, the newest first."""
    found = []
    for path in base.glob(f"*{_ENDING}"):
        with suppress(OSError):  # a link to nothing, or removed meanwhile
            found.append((path.stat().st_mtime_ns, path.name, path))
    return [path for *_, path in sorted(found, reverse=True)]


def newest_record(base: Path) -> Path | None:
    """Return the newest record beside the runs in `base`, ``None`` when there is none."""
    return next(iter(all_records(base)), None)


def _same_for_all(config: Mapping[str, Mapping[str, Any]], minutes: float) -> dict[str, dict[str, Any]]:
    """Return the settings that all candidates share: the time alone ends a training, and the seed is written down."""
    sections = {section: dict(values) for section, values in config.items()}
    training = {"seed": 0, **sections.get("training", {}), "max_minutes": minutes}
    training.pop("epochs", None)
    return {**sections, "training": training}
