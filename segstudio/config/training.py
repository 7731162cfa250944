"""Settings of a training: how long, how fast, when to stop."""

from typing import Any, Literal

from pydantic import model_validator

from segstudio.config.base import Config, param


class TrainingConfig(Config):
    """Training."""

    max_minutes: float = param(10.0, title="Minutes at most", unit="min", ge=0.0, le=100_000.0, zero="no limit")
    """The training plans its learning rate for this time and ends with its best model when it is over."""

    epochs: int = param(0, title="Epochs at most", unit="epochs", ge=0, le=1_000_000, zero="no limit")
    """Ends after this many epochs; the ten minutes hold only beside them when they are set too. Without a limit on
    epochs and minutes it goes on until it gets no better."""

    steps_per_epoch: int = param(50, title="Steps in an epoch", unit="steps", ge=1, le=100_000, advanced=True)
    """One step looks at one batch of patches; curves have a point after each epoch."""

    batch_size: int = param(0, title="Patches in a batch", unit="patches", ge=0, le=4096, zero="automatic")
    """Patches that the network sees at once, on several graphics cards together. Automatic takes 8 on a processor, 16
    on each graphics card. It is halved when the memory does not suffice."""

    accumulate: int = param(1, title="Batches in a step", unit="batches", ge=1, le=256, advanced=True)
    """The gradients of so many batches are added up before the weights move, as one batch so many times as large would
    give, without its memory."""

    seed: int = param(0, title="Seed", ge=0, le=2**31 - 1, advanced=True)
    """Start of all random choices. The same seed on the same computer repeats a training."""

    learning_rate: float = param(5e-3, title="Learning rate", ge=1e-7, le=1.0, log=True, advanced=True)
    """Largest step size of the optimiser when training from scratch."""

    fine_tune_factor: float = param(0.2, title="Rate when going on from a model", ge=0.001, le=1.0, advanced=True)
    """The learning rate is multiplied by this when the training starts from an existing model."""

    frozen_epochs: int = param(
        0, title="Epochs with a frozen encoder", unit="epochs", ge=0, le=100_000, zero="none", advanced=True
    )
    """In so many first epochs only the decoder learns. Useful when the encoder comes from a model or from ImageNet."""

    encoder_rate: float = param(1.0, title="Rate of the encoder", ge=0.001, le=1.0, log=True, advanced=True)
    """The encoder's learning rate is the others' times this; 0.1 suits an encoder that has learned from other
    images."""

    optimiser: Literal["adamw", "adam", "sgd"] = param("adamw", title="Optimiser", advanced=True)
    """AdamW suits nearly all. SGD with momentum needs a learning rate about ten times as large."""

    momentum: float = param(0.9, title="Momentum", ge=0.0, le=0.999, advanced=True)
    """With SGD: how much of the last direction a step keeps."""

    nesterov: bool = param(True, title="Nesterov momentum", advanced=True)
    """With SGD: look ahead along the momentum before the gradient is taken."""

    schedule: Literal["auto", "one-cycle", "cosine", "plateau", "constant"] = param(
        "auto", title="Learning rate schedule", advanced=True
    )
    """One cycle rises and falls once over a known length; cosine falls from its peak. Plateau halves the rate when the
    validation gets no better. Automatic takes one cycle when minutes or epochs are limited."""

    warm_up: float = param(0.1, title="Warm-up", ge=0.0, le=0.5, advanced=True)
    """Share of the training (at most 500 steps when it has no limit) in which the learning rate rises."""

    patience: int = param(40, title="Patience", unit="epochs", ge=0, le=100_000, zero="never stop early", advanced=True)
    """A training without a limit stops after this many epochs without a better validation score."""

    plateau_patience: int = param(15, title="Epochs before halving the rate", unit="epochs", ge=1, advanced=True)
    """With the schedule plateau: halve the rate after this many epochs without a better validation score."""

    weight_decay: float = param(1e-2, title="Weight decay", ge=0.0, le=1.0, log=True, advanced=True)
    """Pulls the weights of the network towards zero, which keeps it simple."""

    gradient_clip: float = param(5.0, title="Gradient clip", ge=0.0, le=1000.0, zero="off", advanced=True)
    """Longest gradient that a step may follow."""

    ema_decay: float = param(0.99, title="Averaging of weights", ge=0.0, le=0.99999, zero="off", advanced=True)
    """The model kept is a running average of the network; nearer to 1 averages over more steps."""

    validation_share: float = param(0.15, title="Time for validation", ge=0.01, le=0.9, advanced=True)
    """Validation takes at most about this share of the training time."""

    precision: Literal["auto", "float32", "bfloat16", "float16"] = param("auto", title="Precision", advanced=True)
    """16-bit numbers are faster: bfloat16 on new graphics cards and some processors, float16 on older cards. Automatic
    takes what the card computes fast, and on a processor tries bfloat16 for a few steps."""

    compile: bool = param(False, title="Compile the network", advanced=True)
    """Translates the network for this device before it learns: some minutes at the start, faster steps on some
    graphics cards. Needs a C++ compiler."""

    deterministic: bool = param(False, title="Repeatable to the last digit", advanced=True)
    """Two trainings of the same seed on the same computer give the same model, with and without a break: slower ways to
    compute are taken where faster ones depend on chance, and nothing but minutes depends on the clock. Validation
    follows every epoch."""

    tensorboard: bool = param(False, title="Write TensorBoard files", advanced=True)
    """Curves are also written into the folder of the run as event files that TensorBoard shows."""

    workers: int = param(0, title="Threads that prepare patches", ge=0, le=64, zero="automatic", advanced=True)
    """Threads that cut and change patches while the network learns."""

    @model_validator(mode="before")
    @classmethod
    def _epochs_alone_rule(cls, values: Any) -> Any:  # noqa: ANN401 - whatever came to be validated
        """Lift the limit of ten minutes that nobody set, when epochs are set: 40 epochs are 40 epochs."""
        if isinstance(values, dict) and values.get("epochs") and "max_minutes" not in values:
            return {**values, "max_minutes": 0.0}
        return values
