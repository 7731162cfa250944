"""The training loop: a generator of messages that can be paused, stopped and resumed between any two steps."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from segstudio.config.run import RunConfig
from segstudio.config.training import TrainingConfig
from segstudio.core.errors import JobFailed
from segstudio.engine.control import Control
from segstudio.engine.data.prefetch import Prefetch, patch_threads
from segstudio.engine.training import orders, resuming
from segstudio.engine.training.automatic import record, resolved
from segstudio.engine.training.average import Weights, snapshot
from segstudio.engine.training.beginning import begin
from segstudio.engine.training.crew import ALONE, Crew, is_lost, lost
from segstudio.engine.training.determinism import deterministic
from segstudio.engine.training.event_files import EventFiles, event_files
from segstudio.engine.training.facts import facts
from segstudio.engine.training.finish import finish
from segstudio.engine.training.judge import Judge
from segstudio.engine.training.prepare import Prepared, prepare
from segstudio.engine.training.readout import Readout
from segstudio.engine.training.rescue import Rescue, batch_halved
from segstudio.engine.training.schedule import Clock, LearningRate, Plateau, chosen_schedule, length_of
from segstudio.engine.training.stepper import Stepper, StepResult
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Finished, Message, Metric, StateChanged
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_keeper import RunKeeper
from segstudio.jobs.spec import TrainJob

T = TypeVar("T")
#: The first validation does not wait for the end of an epoch: on a slow computer that takes most of a minute.
_FIRST_LOOK_S = 10.0
_CHECKPOINT_S = 60.0


def fit(
    job: TrainJob, control: Control, device: torch.device, crew: Crew = ALONE, keeper: RunKeeper | None = None
) -> Iterator[Message]:
    """Train as `job` says; files go to its run folder, which `keeper` makes again when it is deleted.

    Yields `Progress`, `Facts`, `Metric`, `Preview`, `Warned`, `StateChanged`, and at the end `Artifact` and
    `Finished`. Closing the generator writes a checkpoint. A process of `crew` that does not lead writes nothing.

    Raises
    ------
    UserError
        The data cannot be used, the training diverged, or its window went away (code ``"interrupted"``).
    """
    started = time.monotonic()
    job = resolved(job, device, crew.size)
    _check(RunConfig.model_validate(job.config).training, crew)
    try:
        prepared: Prepared | None = yield from prepare(job, control, device, crew)
        if not crew.agree(prepared is not None) or prepared is None:
            yield Finished(outcome="stopped")
            return
        if crew.leads:
            job = record(job, prepared.patch)
        training = Training(job, prepared, control, device, time.monotonic() - started, crew)
        training.keeper = keeper
        try:
            with deterministic(training.config.deterministic):
                yield from training.run()
        finally:
            training.close()
    except RuntimeError as error:
        if crew.alone or not is_lost(error):
            raise
        raise lost() from error


class Training:
    """One training between its first step and its model."""

    def __init__(
        self,
        job: TrainJob,
        prepared: Prepared,
        control: Control,
        device: torch.device,
        prepared_s: float,
        crew: Crew = ALONE,
    ) -> None:
        self.job = job
        self.run_folder = RunFolder(job.run_folder)
        self.keeper: RunKeeper | None = None
        self.prepared = prepared
        self.control = control
        self.crew = crew
        self.config: TrainingConfig = prepared.config.training
        self.length = length_of(self.config, prepared_s)
        self.rate = LearningRate(
            chosen_schedule(self.config, self.length), self.config.warm_up, self.config.steps_per_epoch, self.length
        )
        self.batch_size = self.config.batch_size
        first, _ = crew.share(self.batch_size)
        self.stepper = Stepper(prepared.network, prepared.formulation, self.config, device, crew)
        self.clock = Clock()
        plateau = Plateau(self.config.plateau_patience, self.config.patience)
        self.judge = Judge(prepared, prepared.validator.candidates[0], plateau)
        self.rescue = Rescue()
        self.readout = Readout(self.length)
        self.step = self.epoch = 0
        self.rate_factor = self.config.fine_tune_factor if job.start_from is not None else 1.0
        self.start_weights = snapshot(self.stepper.network)
        self._prefetch = Prefetch(
            lambda step, size: prepared.sampler.batch(step, size, first * self.config.accumulate),
            patch_threads(device.type, self.config.workers),
        )
        self._events: EventFiles | None = None
        self._saved_s = 0.0
        self._finished = False

    @property
    def best(self) -> Weights | None:
        """The averaged weights of the best validation so far."""
        return self.judge.best

    @property
    def epochs(self) -> float:
        """Epochs learned so far, with the part of the one that is going on."""
        return round(self.step / self.config.steps_per_epoch, 2)

    def run(self) -> Iterator[Message]:
        """Train to the end and leave the model; a process that does not lead does what it hears."""
        if self.crew.leads and self.config.tensorboard:
            self._events = event_files(self.run_folder.path)
        yield from begin(self)
        if not self.crew.leads:
            orders.follow(self)
            self._finished = True
            return
        yield facts(self)
        try:
            yield from self._train()
        except GeneratorExit:
            orders.end(self.crew)
            raise
        orders.end(self.crew)
        if self.control.wish() == "abandon":
            raise JobFailed(
                "The window that held this training went away; the training stopped at its checkpoint.",
                hint="Resume it to go on.",
                code="interrupted",
            )
        if self.step > 0 and self.judge.step != self.step:
            yield from self._validate()
        self.checkpoint()
        yield from finish(self)
        self._finished = True

    def close(self) -> None:
        """End the threads; keep what was learned when the training did not come to its end."""
        self._prefetch.close()
        try:
            if not self._finished and self.crew.leads:
                self.checkpoint()
        finally:
            if self._events is not None:
                self._events.close()
            self.prepared.store.close()

    def within(self, write: Callable[[], T]) -> T:
        """Return what `write` does in the run folder, which is there whatever became of it."""
        return write() if self.keeper is None else self.keeper.within(write)

    def checkpoint(self) -> None:
        """Write everything that `resume` needs; nothing before the first step."""
        if self.step > 0:
            self._saved_s = self.clock.seconds
            self.within(lambda: resuming.save(self))

    def take_up_readout(self, losses: list[dict[str, float]]) -> None:
        """Go on with the losses of the steps since the last metric of a checkpoint."""
        self._saved_s = self.clock.seconds
        self.readout = Readout(self.length, self.clock.seconds)
        self.readout.take_up(losses)

    def learn(self, rate: float) -> StepResult:
        """Do one step with the learning rate `rate` on this process's share of the batch."""
        frozen = self.config.frozen_epochs * self.config.steps_per_epoch
        self.stepper.freeze_encoder(frozen=self.stepper.encoder.known and self.step < frozen)
        _, own = self.crew.share(self.batch_size)
        result = self.stepper.step(self._prefetch.batch(self.step, own * self.config.accumulate), rate)
        self.step += 1
        return result

    def _train(self) -> Iterator[Message]:
        while not self._over():
            yield from self._obey()
            if self.control.ending:
                break
            yield from self._one_step()
            if self.step % self.config.steps_per_epoch == 0 and not self.readout.empty:
                yield from self._end_epoch()
            elif self._first_look_due:
                yield from self._validate()
            elif self.clock.seconds - self._saved_s > _CHECKPOINT_S:
                self.checkpoint()

    @property
    def _first_look_due(self) -> bool:
        early = self.epoch == 0 and self.judge.step < 0 and not self.readout.empty and not self.config.deterministic
        return early and self.clock.seconds > _FIRST_LOOK_S

    def _over(self) -> bool:
        if self.step == 0:
            return False  # on a slow computer a short limit may be over here: it still gets a model
        if self.length.known and self.length.fraction(self.step, self.clock.seconds) >= 1:
            return True
        return not self.rate.falls_to_nothing and self.judge.plateau.should_stop(self.epoch)

    def _obey(self) -> Iterator[Message]:
        if self.control.wish() != "pause":
            return
        self.checkpoint()
        self.clock.pause()
        yield StateChanged(state="paused")
        while self.control.wish() == "pause":
            orders.wait(self.crew)
            time.sleep(0.1)
        self.clock.go_on()
        yield StateChanged(state="stopping" if self.control.ending else "running")

    def _rate(self) -> float:
        peak = self.config.learning_rate * self.rate_factor
        return self.rate.at(self.step, self.clock.seconds, peak, self.judge.plateau)

    def _one_step(self) -> Iterator[Message]:
        rate = self._rate()
        orders.step(self.crew, rate)
        result: StepResult | None = None
        try:
            result = self.learn(rate)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not self.crew.alone:
                raise
            self.batch_size = self.rescue.smaller_batch(self.batch_size, error)
        if result is None:  # not before here: the error held what its step had in memory
            yield batch_halved(self.batch_size, self.stepper.device)
            return
        if not result.finite:
            yield from self._not_finite()
            return
        self.rescue.in_row = 0
        if not result.taken:
            return
        self.readout.note(result.losses, self.batch_size * self.config.accumulate)
        progress = self.readout.progress(self.step, self.clock.seconds)
        if progress is not None:
            yield progress

    def _not_finite(self) -> Iterator[Message]:
        yield from self.rescue.count()
        if not self.rescue.needed:
            return
        orders.go_back(self.crew)
        warning = self.rescue.go_back(self.stepper, self.best if self.best is not None else self.start_weights)
        orders.spread(self.crew, self.stepper)
        self.rate_factor /= 2
        yield warning

    def _end_epoch(self) -> Iterator[Message]:
        self.epoch += 1
        if self.config.deterministic or self.clock.seconds >= self.judge.due_s:
            yield from self._validate()
        else:
            yield self._metric({}, best=False)
        self.checkpoint()

    def _validate(self) -> Iterator[Message]:
        begun = time.monotonic()
        values, better = self.judge.validate(self.stepper, self.step, self.epoch)
        yield self._metric(values, best=better)
        weights = self.stepper.average.weights
        yield from self.within(lambda: [*self.judge.preview(weights, self.run_folder, self.epochs)])
        self.judge.rest(self.clock.seconds, begun, self.config.validation_share)
        self.readout.forget_speed()

    def _metric(self, values: dict[str, float], *, best: bool) -> Metric:
        values = {**values, "learning_rate": self._rate()}
        metric = self.readout.metric(self.epochs, self.step, self.clock.seconds, values, best=best)
        if self._events is not None:
            self._events.write(metric)
        return metric


def _check(config: TrainingConfig, crew: Crew) -> None:
    """Raise `WrongUsage` for settings that do not go together, before any data are read."""
    chosen_schedule(config, length_of(config))
    crew.share(config.batch_size)
