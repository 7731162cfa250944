"""``segstudio train``: learn from a project or a folder of images with masks."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from segstudio.cli.explain import tell
from segstudio.cli.flags import add_flags, given_settings
from segstudio.cli.progress import add_output_flags, follow, stop_on_interrupt
from segstudio.cli.project_words import add_images_from, take_images_from, tell_warnings
from segstudio.cli.signals import left_to_the_first
from segstudio.cli.train_plan import show_plan
from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.core.errors import JobFailed, UserError, WrongUsage
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob
from segstudio.session.doctor import Case
from segstudio.session.going_on import on_present_labels, refuse_missing_images

if TYPE_CHECKING:
    from segstudio.engine.training.crew import Crew

#: torchrun tells this to the processes that it starts.
_TORCHRUN = "TORCHELASTIC_RUN_ID"
_SECTIONS = ("data", "augmentation", "training", "prediction")


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``train`` to the commands."""
    parser = subparsers.add_parser(
        "train",
        help="train a model",
        description="Trains a model on DATA: a project, or a folder with images/ and masks/ (same file names, one "
        "number per object), or with train/ and val/ of that form. Ctrl+C stops and keeps the best model.",
        epilog="Settings of a network or formulation: --architecture.NAME and --formulation.NAME, "
        "as `segstudio catalogue` lists them. Several graphics cards of one computer train together by `torchrun "
        "--nproc-per-node 4 -m segstudio train DATA --out RUN`; several computers by the same command on each with "
        "`--nnodes 2 --rdzv-backend c10d --rdzv-endpoint HOST:29500` before -m, where all see the same DATA and RUN. "
        "The batch is shared among them.",
    )
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?", help="project or folder of images with masks")
    parser.add_argument("--out", metavar="RUN", type=Path, required=True, help="new folder for everything of this run")
    add_images_from(parser)
    parser.add_argument("--formulation", metavar="NAME", default="", help="how to learn objects (default: joint)")
    parser.add_argument(
        "--architecture", metavar="NAME", default="", help="the network (default: that of START_FROM, or unet)"
    )
    parser.add_argument("--model", metavar="START_FROM", type=Path, help="model or run whose weights are the start")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="(default: auto)")
    parser.add_argument("--name", help="name of the run (default: that of its folder)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN from its last checkpoint")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what the training would be; start and write nothing"
    )
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="train together with the other processes that a launcher started; under torchrun this is found by itself",
    )
    add_output_flags(parser)
    add_flags(parser, form_spec(RunConfig.model_json_schema()))
    parser.set_defaults(run=run, more_flags=more_flags)


def more_flags(parser: argparse.ArgumentParser, namespace: argparse.Namespace) -> None:
    """Add the flags for the settings of the formulation and the network that were chosen."""
    from segstudio.engine.architectures import architectures
    from segstudio.engine.formulations import formulations

    formulation, network = _chosen(namespace)
    for prefix, plugin in (
        ("formulation.", formulations.get(formulation)),
        ("architecture.", architectures.get(network)),
    ):
        add_flags(parser, form_spec(plugin.Config.model_json_schema()), prefix)


def _chosen(namespace: argparse.Namespace) -> tuple[str, str]:
    """Return the formulation and the network that were chosen, else the usual ones; a run that goes on has its own."""
    if namespace.resume:
        job = RunFolder(namespace.out).job()
        return job.formulation.name, job.architecture.name
    usual: str = TrainJob.model_fields["formulation"].default.name
    return namespace.formulation or usual, _network(namespace)


def _network(namespace: argparse.Namespace) -> str:
    """Return the network that was chosen; else that of the model to start from, else the usual one."""
    usual: str = TrainJob.model_fields["architecture"].default.name
    if namespace.architecture or namespace.model is None:
        return namespace.architecture or usual
    from segstudio.engine.formulations.base import OWN_NETWORK
    from segstudio.engine.model_card import read_card

    name = read_card(namespace.model).architecture.name
    return usual if name == OWN_NETWORK else name


def run(namespace: argparse.Namespace) -> int:
    """Train and print where the model is; return the exit code."""
    if not namespace.distributed and _TORCHRUN not in os.environ:
        return _lead(namespace, None)
    from segstudio.engine.training.crew import join

    crew = join()
    try:
        return _lead(namespace, crew) if crew.leads else _assist(namespace, crew)
    finally:
        crew.leave()


def _assist(namespace: argparse.Namespace, crew: "Crew") -> int:
    """Do the share of a process that does not lead: it ends when the first one does."""
    from segstudio.engine.run import assist, check

    with left_to_the_first():
        job = _job(namespace)
        check(job)
        if not namespace.dry_run:
            assist(job, crew)
    return 0


def _lead(namespace: argparse.Namespace, crew: "Crew | None") -> int:
    job = _job(namespace)
    from segstudio.engine.control import Control
    from segstudio.engine.run import check, plan_job, run_job
    from segstudio.engine.training.crew import ALONE

    check(job)
    if namespace.dry_run:
        return show_plan(plan_job(job, crew or ALONE), namespace)
    folder = RunFolder.create(job)
    control = Control(folder)
    with _nothing_left(folder), stop_on_interrupt(lambda: control.request("stop")):
        finished = follow(run_job(job, control, crew or ALONE), namespace)
        if not folder.model.exists():
            raise JobFailed(
                "The training was stopped before it had learned anything: there is no model.",
                hint="Start it again and let it run for an epoch at least.",
                code="no-model",
            )
    if not namespace.quiet and not namespace.json_lines:
        for name, value in finished.summary.items():
            print(f"{name}: {value}")  # noqa: T201
        print(f"model: {folder.model}")  # noqa: T201
        tell(Case.of(job, folder.events()))
    return 0


@contextmanager
def _nothing_left(folder: RunFolder) -> Iterator[None]:
    """Remove the run when it ends with an error before it has learned anything, so that it can be started again."""
    try:
        yield
    except (UserError, KeyboardInterrupt) as error:
        another_trains_it = isinstance(error, UserError) and error.code == "run-busy"
        # Where the job is gone, its drive is, or somebody has deleted it: the error says so.
        if folder.job_file.exists() and not folder.learned and not another_trains_it:
            folder.discard()
        raise


def _job(namespace: argparse.Namespace) -> TrainJob:
    return _resumed(namespace) if namespace.resume else _new(namespace)


def _new(namespace: argparse.Namespace) -> TrainJob:
    if namespace.data is None:
        raise WrongUsage("The data to train on are missing.", hint="Usage: segstudio train DATA --out RUN")
    from segstudio.project.intake import refuse_no_text

    refuse_no_text(namespace.out.resolve())
    if namespace.dry_run:
        RunFolder(namespace.out).refuse_when_taken()
    formulation, network = _chosen(namespace)
    take_images_from(namespace.images_from, namespace.data)
    samples, classes = training_data(namespace.data, learns_images=_learns_images(formulation))
    for sample in samples:
        refuse_no_text(sample.image)
    settings = given_settings(namespace)
    config = {name: settings[name] for name in _SECTIONS if name in settings}
    return TrainJob(
        job_id=uuid4().hex[:12],
        name=namespace.name or namespace.out.name,
        run_folder=namespace.out.resolve(),
        samples=samples,
        classes=classes,
        formulation=Choice(name=formulation, settings=settings.get("formulation", {})),
        architecture=Choice(name=network, settings=settings.get("architecture", {})),
        config=config,
        start_from=namespace.model.resolve() if namespace.model is not None else None,
        device=namespace.device,
    )


def _resumed(namespace: argparse.Namespace) -> TrainJob:
    job = _on_present_labels(RunFolder(namespace.out).job())
    settings = given_settings(namespace)
    if fixed := list(_changed(job, namespace, settings)):
        raise WrongUsage(
            f"A run that goes on keeps its network and what it learns: {', '.join(fixed)} cannot be changed.",
            hint="Leave it out, or train anew; --model RUN starts from what this one has learned.",
            code="fixed-setting",
        )
    config = {name: {**job.config.get(name, {}), **settings.get(name, {})} for name in _SECTIONS}
    folder = namespace.out.resolve()
    refuse_missing_images(job)
    return job.model_copy(update={"config": config, "resume": True, "run_folder": folder, "device": namespace.device})


def _on_present_labels(job: TrainJob) -> TrainJob:
    """Return `job` with what is labelled now in the project that its labels lie in, if they lie in one."""
    from segstudio.project.layout import is_project
    from segstudio.project.project import Project

    folders = {sample.labels.parent.parent for sample in job.samples if sample.labels is not None}
    for folder in filter(is_project, folders):
        with Project.open(folder, read_only=True) as project:
            job = on_present_labels(project, job)
    return job


def _changed(job: TrainJob, namespace: argparse.Namespace, settings: dict[str, Any]) -> Iterator[str]:
    """Yield formulation, network and those of their settings that are others than those of the run."""
    from segstudio.engine.architectures import architectures
    from segstudio.engine.formulations import formulations

    for part, asked, choice, kind in (
        ("formulation", namespace.formulation, job.formulation, formulations.get(job.formulation.name)),
        ("architecture", namespace.architecture, job.architecture, architectures.get(job.architecture.name)),
    ):
        if asked not in ("", choice.name):
            yield part
        known = kind.Config.model_validate(choice.settings).model_dump()
        yield from (f"{part}.{name}" for name, value in settings.get(part, {}).items() if known.get(name) != value)


def _learns_images(formulation: str) -> bool:
    from segstudio.engine.formulations import formulations

    return formulations.get(formulation).learns_images


def training_data(data: Path, *, learns_images: bool = False) -> tuple[tuple[SampleRecord, ...], tuple[ClassSpec, ...]]:
    """Return the samples and classes of a project or a folder of images with masks.

    Parameters
    ----------
    learns_images
        Whether target images of a project are learned, where it has any.

    Raises
    ------
    BadInput
        It is neither.
    """
    from segstudio.project.folder_samples import folder_samples
    from segstudio.project.layout import is_project
    from segstudio.project.project import Project

    classes: tuple[ClassSpec, ...] = (ClassSpec(id=1, name="object"),)
    if is_project(data):
        _catch_up(data)
        with Project.open(data, read_only=True) as project:
            tell_warnings(project)
            classes = tuple(ClassSpec(id=item.id, name=item.name) for item in project.classes.classes)
    found = folder_samples(
        data,
        warn=lambda sentence: print(sentence, file=sys.stderr),  # noqa: T201
        learns_images=learns_images,
    )
    return tuple(found), classes


def _catch_up(folder: Path) -> None:
    """Get what only journals hold after a crash into the label files; a window that has the project does it itself."""
    from segstudio.project.layout import Layout
    from segstudio.project.lock import was_left_open
    from segstudio.project.project import Project

    if not was_left_open(Layout(folder).lock):
        return
    try:
        with Project.open(folder) as project:
            for image_id in project.behind:
                try:
                    project.catch_up(image_id, _note)
                except UserError as error:
                    _note(error.message)
    except UserError as error:
        _note(f"{error.message} Its label files are used as they are.")


def _note(sentence: str) -> None:
    print(f"Note: {sentence}", file=sys.stderr)  # noqa: T201
