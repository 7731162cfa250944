"""The single door to the engine: a job goes in, messages come out."""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from segstudio.config.problems import sentence
from segstudio.config.run import RunConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.catalogue import make_catalogue
from segstudio.engine.control import Control
from segstudio.engine.devices import choose_device, device_name, use_all_cores
from segstudio.engine.evaluation import evaluate_model
from segstudio.engine.formulations import formulations
from segstudio.engine.inspection import inspect_model
from segstudio.engine.plan import plan
from segstudio.engine.prediction.predict import decode, predict
from segstudio.engine.summary import summarise
from segstudio.engine.training.augment_preview import preview_patches
from segstudio.engine.training.choices import check_choices, class_problem, weight_problem
from segstudio.engine.training.crew import ALONE, Crew
from segstudio.engine.training.fit import fit
from segstudio.engine.training.patches import check_patch
from segstudio.engine.training.range_test import range_test
from segstudio.engine.training.start_rules import check_start
from segstudio.engine.weights_import import import_job
from segstudio.jobs.catalogue import store_catalogue
from segstudio.jobs.failures import reported
from segstudio.jobs.messages import Artifact, Failed, Finished, Message, Started, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_keeper import RunKeeper
from segstudio.jobs.spec import (
    EvaluateJob,
    InspectJob,
    JobSpec,
    PredictJob,
    RangeTestJob,
    TrainJob,
    ValidateJob,
)


def run_job(spec: JobSpec, control: Control | None = None, crew: Crew = ALONE) -> Generator[Message, None, None]:
    """Do a job and say what happens; closing the generator stops it.

    Parameters
    ----------
    spec
        What to do. A training writes its messages into its run folder too.
    control
        How a training hears of pause and stop; ``None`` reads the commands in its run folder. The other jobs are
        stopped by closing the generator.
    crew
        The processes that train together; this one leads them, and the others call `assist`.

    Yields
    ------
    Message
        The last one is `Finished`; each carries the time and the job's id.

    Raises
    ------
    UserError
        What prevented the job, in words for the user. A training has written it to its run folder as `Failed`.

    Examples
    --------
    A training of a folder with images and masks, from a script::

        from pathlib import Path
        from segstudio.engine import run_job
        from segstudio.jobs.spec import ClassSpec, TrainJob
        from segstudio.project.folder_samples import folder_samples

        job = TrainJob(
            job_id="1", name="nuclei", run_folder=Path("runs/nuclei"), samples=folder_samples(Path("nuclei")),
            classes=(ClassSpec(id=1, name="nucleus"),), config={"training": {"max_minutes": 5}},
        )
        for message in run_job(job):
            print(message)
    """
    if isinstance(spec, TrainJob):
        return _training(spec, control, crew)
    return _stamped(_short_job(spec, control), spec.job_id)


def _training(job: TrainJob, control: Control | None, crew: Crew) -> Generator[Message, None, None]:
    run = RunFolder(job.run_folder)
    if not run.job_file.exists() or (run.events_file.exists() and not job.resume):
        RunFolder.create(job)
    run.claim()  # when another process trains it, its messages are not ours to end
    with (
        reported(_recorder(run), job.job_id),
        _released(run),
        closing(RunKeeper(run)) as keeper,
        # Closed before the keeper, which it needs for its last checkpoint.
        closing(_train(job, control or Control(run), crew, keeper)) as training,
    ):
        for message in _stamped(training, job.job_id):
            yield from keeper.told()
            if isinstance(message, Finished):
                run.release()  # who reads this may go on with the run at once
            keeper.append(message)
            yield message


@contextmanager
def _released(run: RunFolder) -> Iterator[None]:
    """Let another process train the run when this one has ended, before its failure is told."""
    try:
        yield
    finally:
        run.release()


def _recorder(run: RunFolder) -> Callable[[Failed], None]:
    def record(failed: Failed) -> None:
        with suppress(FileNotFoundError):  # a run whose folder is gone for good
            run.append(failed.model_copy(update={"time": time.time()}))

    return record


def assist(job: TrainJob, crew: Crew) -> None:
    """Help the first process of `crew` with the training `job` until it ends; writes nothing and says nothing.

    Raises
    ------
    UserError
        This process cannot do its share, or another one has gone.
    """
    for _ in _train(job, Control(), crew):
        pass


def plan_job(job: TrainJob, crew: Crew = ALONE) -> Iterator[Message]:
    """Say what the training `job` would be, as `Facts`, and start and write nothing.

    Raises
    ------
    UserError
        What would prevent the training.
    """
    return _stamped(plan(job, choose_device(job.device), crew), job.job_id)


def _train(
    job: TrainJob, control: Control, crew: Crew, keeper: RunKeeper | None = None
) -> Generator[Message, None, None]:
    device = choose_device(job.device)
    use_all_cores(device)
    yield Started(device=str(device), device_name=device_name(device), pid=os.getpid())
    yield from fit(job, control, device, crew, keeper)


def _short_job(spec: JobSpec, control: Control | None) -> Iterator[Message]:
    computes = (PredictJob, EvaluateJob, InspectJob, RangeTestJob)
    device = choose_device(spec.device if isinstance(spec, computes) else "cpu")
    use_all_cores(device)
    yield Started(device=str(device), device_name=device_name(device), pid=os.getpid())
    if isinstance(spec, RangeTestJob):
        yield from range_test(spec, control)
    else:
        yield from _WORK[spec.kind](spec)


def check(job: TrainJob) -> None:
    """Raise what is wrong with names and settings of `job`; touches no data and writes nothing.

    Raises
    ------
    UserError
        An unknown network or formulation, one that could learn nothing so, or a start model that cannot be read or has
        another network.
    pydantic.ValidationError
        A wrong setting.
    """
    RunConfig.model_validate(job.config)
    check_choices(job)
    architectures.get(job.architecture.name).Config.model_validate(job.architecture.settings)
    check_start(job)


def _validate(job: ValidateJob) -> Iterator[Message]:
    """Check settings; each wrong one is a `Warned` of code ``"setting"`` whose hint is the dotted path of the field."""
    wrong = 0
    probes: list[tuple[str, Callable[[], object]]] = [
        ("", lambda: RunConfig.model_validate(job.config)),
        (
            "formulation.",
            lambda: formulations.get(job.formulation.name).Config.model_validate(job.formulation.settings),
        ),
        (
            "architecture.",
            lambda: architectures.get(job.architecture.name).Config.model_validate(job.architecture.settings),
        ),
    ]
    for prefix, probe in probes:
        for path, words in _problems(probe):
            wrong += 1
            yield Warned(code="setting", message=words, hint=prefix + path)
    misfits = _misfits(job) if not wrong else ()
    for path, words in misfits:
        wrong += 1
        yield Warned(code="setting", message=words, hint=path)
    sees_whole = {} if wrong else {"sees_whole": int(_sees_whole(job))}
    yield Finished(outcome="done", summary={"wrong": wrong, **sees_whole})


def _sees_whole(job: ValidateJob) -> bool:
    """Return whether tiles of a large image cannot equal the whole with these settings, all of which are right."""
    if formulations.get(job.formulation.name).own_network:
        return False
    family = architectures.get(job.architecture.name)
    return family.sees_whole(family.Config.model_validate(job.architecture.settings))


def _misfits(job: ValidateJob) -> Iterator[tuple[str, str]]:
    """Yield the settings that are right by themselves but not together, and what is wrong."""
    if job.start_from is None and (words := _patch_problem(job)):
        yield "data.patch_size", words
    if words := class_problem(job.formulation, job.classes):
        yield "", words
    if (problem := weight_problem(job.formulation)) is not None:
        yield f"formulation.{problem[0]}", problem[1]


def _patch_problem(job: ValidateJob) -> str:
    """Return why the patches are too small for the network, empty when they are not; the settings are right alone."""
    try:
        check_patch(RunConfig.model_validate(job.config).data.patch_size, job.formulation, job.architecture)
    except WrongUsage as error:
        return str(error)
    return ""


def _problems(probe: Callable[[], object]) -> list[tuple[str, str]]:
    try:
        probe()
    except ValidationError as error:
        return [(".".join(str(part) for part in item["loc"]), _capital(sentence(item))) for item in error.errors()]
    except WrongUsage as error:
        return [("name", str(error))]
    return []


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _catalogue(output: Path) -> Iterator[Message]:
    path = store_catalogue(make_catalogue(), output)
    yield Artifact(role="catalogue", path=str(path))
    yield Finished(outcome="done")


#: Kind of a job → what does it.
_WORK: Final[dict[str, Callable[[Any], Iterator[Message]]]] = {
    "predict": predict,
    "evaluate": evaluate_model,
    "decode": decode,
    "validate": _validate,
    "summary": summarise,
    "inspect": inspect_model,
    "augment": preview_patches,
    "import-weights": import_job,
    "catalogue": lambda job: _catalogue(job.output),
}


def _stamped(messages: Iterator[Message], job_id: str) -> Generator[Message, None, None]:
    for message in messages:
        yield message.model_copy(update={"time": time.time(), "job_id": job_id})
