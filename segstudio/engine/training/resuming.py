"""What a training writes down beside its tensors, and how it goes on from it exactly."""

import math
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import BadModel, JobFailed
from segstudio.engine.training.checkpoint import Checkpoint, capture, read_newest, restore, write_checkpoint
from segstudio.engine.training.precision import BY_NAME
from segstudio.engine.training.schedule import Clock, Plateau
from segstudio.jobs.messages import Message, Warned

if TYPE_CHECKING:
    from segstudio.engine.training.fit import Training


def save(training: "Training") -> None:
    """Write a checkpoint of `training`."""
    judge, rescue = training.judge, training.rescue
    state: dict[str, Any] = {
        "step": training.step,
        "epoch": training.epoch,
        "seconds": training.clock.seconds,
        "best_score": judge.best_score if judge.best is not None else None,
        "best_loss": judge.best_loss if math.isfinite(judge.best_loss) else None,
        "plateau": asdict(judge.plateau) if judge.plateau.best > float("-inf") else None,
        "rate_factor": training.rate_factor,
        "batch_size": training.batch_size,
        "precision": str(training.stepper.precision).removeprefix("torch."),
        "scaler": training.stepper.scaler.state_dict(),
        "optimiser": training.config.optimiser,
        "left_out": rescue.left_out,
        "bad_steps": rescue.in_row,
        "restarts": rescue.restarts,
        "validated_step": judge.step,
        "judged_on": judge.judged_on,
        "losses": training.readout.losses,
    }
    write_checkpoint(training.run_folder.checkpoints, capture(training.stepper, judge.best, state))


def go_on(training: "Training") -> Generator[Message, None, bool]:
    """Bring `training` to its newest checkpoint; return whether there is one.

    Raises
    ------
    BadModel
        The checkpoint is of other settings.
    WrongUsage
        There is none, but a model that would be lost.
    """
    checkpoint = read_newest(training.run_folder.checkpoints)
    step = -1 if checkpoint is None else int(checkpoint.state["step"])
    if not training.crew.agree(training.crew.tell([step]) == [step]):
        raise JobFailed(
            "The processes of this training do not see the same checkpoint.",
            hint="Put the folder of the run where all computers see it.",
            code="checkpoint-not-shared",
        )
    if checkpoint is None and training.run_folder.model.exists():
        raise training.run_folder.cannot_go_on()
    if checkpoint is None:
        yield Warned(code="no-checkpoint", message="There is no checkpoint yet; the training starts anew.")
        return False
    try:
        _take_up(training, checkpoint)
    except (RuntimeError, KeyError) as error:
        raise BadModel(
            f"The checkpoint in {training.run_folder.checkpoints} does not fit the settings of this run.",
            hint="Start a new run instead.",
            code="checkpoint-other-network",
        ) from error
    if training.crew.leads:
        yield from _judge_anew(training, checkpoint)
    return True


def _judge_anew(training: "Training", checkpoint: Checkpoint) -> Iterator[Message]:
    """Judge the best weights again where the score in the checkpoint is of other images or labels than those of now."""
    judge, before = training.judge, checkpoint.state.get("judged_on")
    if judge.best is None or before == judge.judged_on:
        return
    judge.judge_anew(judge.best)
    if before is not None:  # written by a version that did not note it, most are the same
        yield Warned(
            code="validation-changed",
            message="The validation images or their labels have changed since: the best weights were judged anew.",
            hint="Scores from now on cannot be compared with those before.",
        )


def _take_up(training: "Training", checkpoint: Checkpoint) -> None:
    state, judge, rescue = checkpoint.state, training.judge, training.rescue
    if state.get("optimiser", "adamw") != training.config.optimiser:
        raise KeyError(state["optimiser"])
    judge.best = restore(training.stepper, checkpoint)
    if not training.crew.leads:  # the random numbers in the checkpoint are those of the first process
        torch.manual_seed(training.config.seed + training.crew.rank + int(state["step"]))
    training.step, training.epoch = int(state["step"]), int(state["epoch"])
    training.clock = Clock(float(state["seconds"]))
    judge.best_score = float("-inf") if state["best_score"] is None else float(state["best_score"])
    loss = state.get("best_loss")
    judge.best_loss = float("-inf") if loss is None else float(loss)
    judge.plateau = Plateau(**state["plateau"]) if state["plateau"] else judge.plateau
    judge.step = int(state.get("validated_step", -1))
    judge.due_s = training.clock.seconds
    training.rate_factor, training.batch_size = float(state["rate_factor"]), int(state["batch_size"])
    precision = state.get("precision", "bfloat16" if state.get("bfloat16") else "float32")
    training.stepper.precision = BY_NAME[precision]
    if state.get("scaler"):
        training.stepper.scaler.load_state_dict(state["scaler"])
    rescue.left_out = int(state.get("left_out", 0))
    rescue.in_row, rescue.restarts = int(state.get("bad_steps", 0)), int(state.get("restarts", 0))
    training.take_up_readout(state.get("losses", []))
