"""The training loop: a generator of messages that can be paused, stopped and resumed between any two steps."""

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import Any

import torch

from segstudio.config.training import TrainingConfig
from segstudio.core.errors import BadModel, JobFailed
from segstudio.engine.control import Control
from segstudio.engine.data.prefetch import Prefetch, patch_threads
from segstudio.engine.training.automatic import record, resolved
from segstudio.engine.training.average import Weights, snapshot
from segstudio.engine.training.checkpoint import capture, read_newest, restore, write_checkpoint
from segstudio.engine.training.facts import facts
from segstudio.engine.training.finish import finish
from segstudio.engine.training.precision import BY_NAME, choose_precision
from segstudio.engine.training.prepare import Prepared, prepare
from segstudio.engine.training.preview import write_preview
from segstudio.engine.training.readout import Readout
from segstudio.engine.training.schedule import Clock, Length, Plateau, one_cycle, warmed_up
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Finished, Message, Metric, StateChanged, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import TrainJob

#: Share of a limited time, and at most how many seconds, that are kept for choosing the decoder at the end.
_RESERVE, _RESERVE_MAX_S = 0.06, 45.0
#: The first validation does not wait for the end of an epoch: on a slow computer that takes most of a minute.
_FIRST_LOOK_S = 10.0
_CHECKPOINT_S = 60.0
_BAD_STEPS = 3
_RESTARTS = 5


def fit(job: TrainJob, control: Control, device: torch.device) -> Iterator[Message]:
    """Train as `job` says; files go to its run folder.

    Yields `Progress`, `Metric`, `Preview`, `Warned`, `StateChanged`, and at the end `Artifact` and `Finished`.
    Closing the generator writes a checkpoint.

    Raises
    ------
    UserError
        The data cannot be used, the training diverged, or its window went away (code ``"interrupted"``).
    """
    begin = time.monotonic()
    job = resolved(job, device)
    prepared: Prepared | None = yield from prepare(job, control, device)
    if prepared is None:
        yield Finished(outcome="stopped")
        return
    job = record(job, prepared.patch)
    training = Training(job, prepared, control, device, time.monotonic() - begin)
    try:
        yield from training.run()
    finally:
        training.close()


class Training:
    """One training between its first step and its model."""

    def __init__(
        self, job: TrainJob, prepared: Prepared, control: Control, device: torch.device, prepared_s: float
    ) -> None:
        self.job = job
        self.run_folder = RunFolder(job.run_folder)
        self.prepared = prepared
        self.control = control
        self.config: TrainingConfig = prepared.config.training
        self.stepper = Stepper(prepared.network, prepared.formulation, self.config, device)
        self.length = _length(self.config, prepared_s)
        self.clock = Clock()
        self.plateau = Plateau(self.config.plateau_patience, self.config.patience)
        self.batch_size = self.config.batch_size
        self.step = self.epoch = 0
        self.best: Weights | None = None
        self.best_score = float("-inf")
        self.rate_factor = self.config.fine_tune_factor if job.start_from is not None else 1.0
        self.start_weights = snapshot(self.stepper.network)
        self.decode = prepared.formulation.decode_candidates()[0]
        self.cycles = self.config.schedule == "one-cycle" or (self.config.schedule == "auto" and self.length.known)
        self._prefetch = Prefetch(prepared.sampler.batch, patch_threads(device.type, self.config.workers))
        self._readout = Readout(self.length)
        self.left_out = 0
        """Steps so far whose loss or gradient was no finite number."""
        self._bad_steps = self._restarts = 0
        self._validated_step = -1
        self._validation_due_s = 0.0
        self._saved_s = 0.0
        self._finished = False

    def run(self) -> Iterator[Message]:
        """Train to the end and leave the model."""
        yield from self._begin()
        yield facts(self)
        while not self._over():
            yield from self._obey()
            if self.control.ending:
                break
            yield from self._one_step()
            if self.step % self.config.steps_per_epoch == 0 and not self._readout.empty:
                yield from self._end_epoch()
            elif self._first_look_due:
                yield from self._validate()
            elif self.clock.seconds - self._saved_s > _CHECKPOINT_S:
                self.checkpoint()
        if self.control.wish() == "abandon":
            raise JobFailed(
                "The window that held this training went away; the training stopped at its checkpoint.",
                hint="Resume it to go on.",
                code="interrupted",
            )
        if self.step > 0 and self._validated_step != self.step:
            yield from self._validate()
        self.checkpoint()
        yield from finish(self)
        self._finished = True

    def close(self) -> None:
        """End the threads; keep what was learned when the training did not come to its end."""
        self._prefetch.close()
        if not self._finished:
            self.checkpoint()
        self.prepared.store.close()

    @property
    def _first_look_due(self) -> bool:
        early = self.epoch == 0 and self._validated_step < 0 and not self._readout.empty
        return early and self.clock.seconds > _FIRST_LOOK_S

    def checkpoint(self) -> None:
        """Write everything that `resume` needs; nothing before the first step."""
        if self.step == 0:
            return
        self._saved_s = self.clock.seconds
        state: dict[str, Any] = {
            "step": self.step,
            "epoch": self.epoch,
            "seconds": self.clock.seconds,
            "best_score": self.best_score if self.best is not None else None,
            "plateau": asdict(self.plateau) if self.plateau.best_epoch else None,
            "rate_factor": self.rate_factor,
            "batch_size": self.batch_size,
            "precision": str(self.stepper.precision).removeprefix("torch."),
            "scaler": self.stepper.scaler.state_dict(),
            "left_out": self.left_out,
        }
        write_checkpoint(self.run_folder.checkpoints, capture(self.stepper, self.best, state))

    def _begin(self) -> Iterator[Message]:
        if self.job.resume and (yield from self._resume()):
            return
        try:
            batch = self.prepared.sampler.batch(0, self.batch_size)
            self.stepper.precision = choose_precision(self.stepper, batch, self.config)
        except (RuntimeError, MemoryError) as error:
            # The first step will meet it again and halve the batch.
            if not is_out_of_memory(error):
                raise
        torch.manual_seed(self.config.seed)

    def _resume(self) -> Generator[Message, None, bool]:
        checkpoint = read_newest(self.run_folder.checkpoints)
        if checkpoint is None:
            yield Warned(code="no-checkpoint", message="There is no checkpoint yet; the training starts anew.")
            return False
        try:
            self.best = restore(self.stepper, checkpoint)
        except (RuntimeError, KeyError) as error:
            raise BadModel(
                f"The checkpoint in {self.run_folder.checkpoints} does not fit the settings of this run.",
                hint="Start a new run instead.",
                code="checkpoint-other-network",
            ) from error
        state = checkpoint.state
        self.step, self.epoch = int(state["step"]), int(state["epoch"])
        self.clock = Clock(float(state["seconds"]))
        self.best_score = float("-inf") if state["best_score"] is None else float(state["best_score"])
        self.plateau = Plateau(**state["plateau"]) if state["plateau"] else self.plateau
        self.rate_factor, self.batch_size = float(state["rate_factor"]), int(state["batch_size"])
        self.stepper.precision = BY_NAME[state.get("precision", "bfloat16" if state.get("bfloat16") else "float32")]
        if state.get("scaler"):
            self.stepper.scaler.load_state_dict(state["scaler"])
        self.left_out = int(state.get("left_out", 0))
        self._saved_s = self._validation_due_s = self.clock.seconds
        self._readout = Readout(self.length, self.clock.seconds)
        return True

    @property
    def epochs(self) -> float:
        """Epochs learned so far, with the part of the one that is going on."""
        return round(self.step / self.config.steps_per_epoch, 2)

    def _over(self) -> bool:
        if self.step == 0:
            return False  # on a slow computer a short limit may be over here: it still gets a model
        if self.length.known and self.length.fraction(self.step, self.clock.seconds) >= 1:
            return True
        return not self.cycles and self.plateau.should_stop(self.epoch)

    def _obey(self) -> Iterator[Message]:
        if self.control.wish() != "pause":
            return
        self.checkpoint()
        self.clock.pause()
        yield StateChanged(state="paused")
        while self.control.wish() == "pause":
            time.sleep(0.1)
        self.clock.go_on()
        yield StateChanged(state="stopping" if self.control.ending else "running")

    def _rate(self) -> float:
        peak = self.config.learning_rate * self.rate_factor
        if self.cycles:
            return one_cycle(self.length.fraction(self.step, self.clock.seconds), peak, self.config.warm_up)
        return warmed_up(self.step, peak * self.plateau.factor, self.config.warm_up, self.config.steps_per_epoch)

    def _one_step(self) -> Iterator[Message]:
        batch = self._prefetch.batch(self.step, self.batch_size)
        try:
            result = self.stepper.step(batch, self._rate())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self.batch_size == 1:
                raise
            yield self._halve_batch()
            return
        self.step += 1
        if not result.finite:
            yield from self._not_finite()
            return
        self._bad_steps = 0
        if not result.taken:
            return
        self._readout.note(result.losses, self.batch_size)
        progress = self._readout.progress(self.step, self.clock.seconds)
        if progress is not None:
            yield progress

    def _halve_batch(self) -> Warned:
        self.batch_size //= 2
        if self.stepper.device.type == "cuda":
            torch.cuda.empty_cache()
        return Warned(
            code="batch-halved",
            message=f"The memory did not suffice; the batch is now {self.batch_size} patches.",
            hint="A smaller patch size or a narrower network needs less memory.",
        )

    def _not_finite(self) -> Iterator[Message]:
        self._bad_steps += 1
        self.left_out += 1
        if self.left_out == 1:
            yield Warned(
                code="step-left-out",
                message="The loss was no finite number in one step; the step was left out and the training goes on.",
                hint="The summary says how many. If they are many, lower the learning rate or look for extreme pixels.",
            )
        if self._bad_steps < _BAD_STEPS:
            return
        self._bad_steps = 0
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise JobFailed(
                "The training left the finite numbers again and again and was given up.",
                hint="Lower the learning rate, or check the images for extreme values.",
                code="diverged",
            )
        self.stepper.restart(self.best if self.best is not None else self.start_weights)
        self.stepper.precision = torch.float32
        self.rate_factor /= 2
        yield Warned(
            code="not-finite",
            message="The loss was no finite number three times in a row; the best weights were restored "
            "and the learning rate halved.",
            hint="Lower the learning rate if this happens again.",
        )

    def _end_epoch(self) -> Iterator[Message]:
        self.epoch += 1
        if self.clock.seconds >= self._validation_due_s:
            yield from self._validate()
        else:
            yield self._metric({}, best=False)
        self.checkpoint()

    def _validate(self) -> Iterator[Message]:
        start = time.monotonic()
        weights = self.stepper.average.weights
        values: dict[str, float] = {}
        if self.prepared.validation_batches:
            values["val_loss"] = self.stepper.validation_loss(list(self.prepared.validation_batches), weights)
        result = self.prepared.validator.run(weights, self.decode)
        values |= {"val_f1": result.f1, "val_ap": result.ap, "val_iou": result.iou}
        values |= {"val_objects": result.objects, "val_predicted": result.predicted}
        if result.interval is not None:
            values["val_f1_low"], values["val_f1_high"] = result.interval
        self.plateau = self.plateau.after(self.epoch, result.score)
        better = result.score > self.best_score
        if better:
            self.best, self.best_score = {name: tensor.clone() for name, tensor in weights.items()}, result.score
        self._validated_step = self.step
        yield self._metric(values, best=better)
        yield from self._preview(weights)
        cost, share = time.monotonic() - start, self.config.validation_share
        self._validation_due_s = self.clock.seconds + cost * (1 - share) / share
        self._readout.forget_speed()

    def _preview(self, weights: Weights) -> Iterator[Message]:
        validator = self.prepared.validator
        part = max(validator.watched, key=lambda p: min(int(p.known.max()), 60))
        labels, seen = validator.predict(part, weights, self.decode)
        found = (seen.found, seen.objects)
        yield write_preview(self.run_folder.previews, self.epochs, part, labels, found)

    def _metric(self, values: dict[str, float], *, best: bool) -> Metric:
        values = {**values, "learning_rate": self._rate()}
        return self._readout.metric(self.epochs, self.step, self.clock.seconds, values, best=best)


def _length(config: TrainingConfig, prepared_s: float) -> Length:
    """Return what is left for steps: of a limited time, preparing has taken some and the decoder's choice will."""
    budget = config.max_minutes * 60
    seconds = max(0.05 * budget, budget - min(_RESERVE * budget, _RESERVE_MAX_S) - prepared_s)
    return Length(seconds if budget > 0 else 0.0, config.epochs * config.steps_per_epoch)
