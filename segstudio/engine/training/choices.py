"""Choices that are right one by one, but not together: refused before anything is read, or told."""

from collections.abc import Iterator, Sequence

from segstudio.config.run import RunConfig
from segstudio.config.training import TrainingConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.formulations.learned_maps import missing_maps, refuse_unlearned
from segstudio.engine.network import Network
from segstudio.engine.training.patches import check_patch
from segstudio.jobs.messages import Warned
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob


def check_choices(job: TrainJob) -> None:
    """Refuse settings that fit neither each other nor the classes of `job`; touches no data.

    Raises
    ------
    WrongUsage
        A weight of 0 leaves unlearned what objects are found by, a setting speaks of a class that there is not, or
        the patches are too small for the network.
    pydantic.ValidationError
        A setting is wrong by itself.
    """
    formulation = _formulation(job.formulation, tuple(item.id for item in job.classes))
    formulation.check_classes(_names(job.classes))
    refuse_unlearned(formulation.learned_maps, formulation.config)
    if job.start_from is None:
        check_patch(RunConfig.model_validate(job.config).data.patch_size, job.formulation, job.architecture)


def class_problem(choice: Choice, classes: Sequence[ClassSpec]) -> str:
    """Return what is wrong where a setting speaks of a class that is not among `classes`; empty when nothing is known.

    Raises
    ------
    pydantic.ValidationError
        A setting is wrong by itself.
    """
    try:
        if classes:
            _formulation(choice, tuple(item.id for item in classes)).check_classes(_names(classes))
    except WrongUsage as error:
        return str(error)
    return ""


def weight_problem(choice: Choice) -> tuple[str, str] | None:
    """Return a weight of 0 that leaves unlearned what objects are found by, and what to say; ``None`` for none.

    Raises
    ------
    pydantic.ValidationError
        A setting is wrong by itself.
    """
    formulation = _formulation(choice, (1,))
    missing = missing_maps(formulation.learned_maps, formulation.config)
    try:
        refuse_unlearned(formulation.learned_maps, formulation.config)
    except WrongUsage as error:
        return missing[0].weight, str(error)
    return None


def fetches_weights(job: TrainJob) -> bool:
    """Whether the network begins with weights that others have learned."""
    if job.start_from is not None:
        return False
    formulation = _formulation(job.formulation, tuple(item.id for item in job.classes))
    if formulation.own_network:
        return formulation.pretrained
    family = architectures.get(job.architecture.name)
    return family(family.Config.model_validate(job.architecture.settings)).pretrained


def frozen_notes(job: TrainJob, config: TrainingConfig, network: Network) -> Iterator[Warned]:
    """Yield a warning where freezing the encoder of `network` as asked for helps nothing."""
    frozen = config.frozen_epochs
    if not frozen or next(iter(network.encoder_parameters()), None) is None:
        return
    if job.start_from is None and not fetches_weights(job):
        yield Warned(
            code="frozen-random",
            message=f"The encoder is frozen at first (frozen_epochs is {frozen}), but it begins with random weights: "
            "what it sees says little until it learns.",
            hint="Set the epochs with a frozen encoder to 0, or start from a model or from ImageNet weights.",
        )
    if 0 < config.epochs <= frozen:
        yield Warned(
            code="frozen-throughout",
            message=f"The encoder stays frozen for the whole training: frozen_epochs is {frozen}, "
            f"the training ends after {config.epochs}.",
            hint="Freeze it for fewer epochs if it is to learn too.",
        )


def _names(classes: Sequence[ClassSpec]) -> dict[int, str]:
    return {item.id: item.name for item in classes}


def _formulation(choice: Choice, class_ids: tuple[int, ...]) -> Formulation:
    kind = formulations.get(choice.name)
    return kind(kind.Config.model_validate(choice.settings), class_ids)
