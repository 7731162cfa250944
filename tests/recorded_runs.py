"""The trainings in ``doctor_runs``: most were broken on purpose; what they said is read from files."""

from pathlib import Path

from segstudio.jobs.messages import Message, from_line
from segstudio.jobs.spec import ClassSpec, TrainJob

RUNS = Path(__file__).parent / "doctor_runs"


def recorded(name: str) -> tuple[TrainJob, list[Message]]:
    """Return the job of a recorded training, and its messages."""
    job, *lines = (RUNS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return TrainJob.model_validate_json(job), [from_line(line) for line in lines]


def a_job(**changes: object) -> TrainJob:
    """Return a training of nothing, with the settings that matter in a test."""
    classes = (ClassSpec(id=1, name="c"),)
    values = {"job_id": "1", "name": "a", "run_folder": Path("a"), "samples": (), "classes": classes}
    return TrainJob.model_validate({**values, **changes})
