"""What a training decides before its first step: precision, compilation, or the checkpoint that it goes on from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from segstudio.engine.architectures import architectures
from segstudio.engine.data.crops import Batch
from segstudio.engine.training import resuming
from segstudio.engine.training.compiling import compile_network
from segstudio.engine.training.precision import choose_precision
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Message, Warned

if TYPE_CHECKING:
    from segstudio.engine.training.fit import Training


def begin(training: "Training") -> Iterator[Message]:
    """Bring `training` to where its next step is the first one, or the next after its checkpoint."""
    config, stepper = training.config, training.stepper
    if config.frozen_epochs > 0 and not stepper.encoder.known:
        yield Warned(
            code="no-encoder",
            message=f"The network {training.job.architecture.name} has no encoder that could be frozen; all of it "
            "learns from the start.",
            hint="Set the epochs with a frozen encoder to 0, or choose a network with a backbone.",
        )
    if _sees_whole_by_settings(training):
        yield Warned(
            code="blended-tiles",
            message="With these settings the network sees the whole tile at every pixel: a large image predicted in "
            "tiles cannot equal the same image in one piece.",
            hint="Batch normalisation, and a backbone other than EfficientNet, give the same with and without tiles.",
        )
    if training.job.resume and (yield from resuming.go_on(training)):
        if config.compile:
            yield from compile_network(stepper, _first_batch(training))
        return
    try:
        batch = _first_batch(training)
        # A stopwatch gives each process another answer, and another one each time.
        measure = training.crew.alone and not config.deterministic
        stepper.precision = choose_precision(stepper, batch, config, measure=measure)
        if config.compile:
            yield from compile_network(stepper, batch)
    except (RuntimeError, MemoryError) as error:
        # The first step will meet it again and halve the batch.
        if not is_out_of_memory(error):
            raise
    torch.manual_seed(config.seed + training.crew.rank)


def _sees_whole_by_settings(training: "Training") -> bool:
    """Return whether the network sees the whole tile although its family is not marked so in the catalogue."""
    if not training.stepper.network.sees_whole or training.prepared.formulation.own_network:
        return False
    family = architectures.get(training.job.architecture.name)
    return not family.sees_whole(family.Config())


def _first_batch(training: "Training") -> Batch:
    return training.prepared.sampler.batch(0, training.crew.share(training.batch_size)[1])
