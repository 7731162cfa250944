import weakref
from collections.abc import Iterator
from itertools import pairwise

from segstudio.jobs.messages import Message, Metric, Progress, Started, Warned
from segstudio.session.said import worth_keeping

STARTED = Started(device="cpu", device_name="cpu", pid=1)


def a_figure(epoch: int) -> Metric:
    """Every second epoch is judged on the validation images, the 700th is the best."""
    name = "val_f1" if epoch % 2 == 0 else "train_loss"
    return Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values={name: 0.5}, best=epoch == 700)


def test_a_long_training_keeps_its_ends_its_best_and_both_curves() -> None:
    figures = [a_figure(epoch) for epoch in range(1, 1001)]
    said: list[Message] = [STARTED]
    for figure in figures:
        said += [Progress(stage="Training", done=figure.step, total=1000), figure]
    kept = worth_keeping(said, most=100)
    assert kept[:2] == [STARTED, figures[0]]
    assert kept[-1] == figures[-1]
    assert a_figure(700) in kept
    epochs = [item.epoch for item in kept if isinstance(item, Metric)]
    assert epochs == sorted(epochs)
    assert 50 < len(epochs) <= 101
    for name in ("val_f1", "train_loss"):
        curve = [item.epoch for item in kept if isinstance(item, Metric) and name in item.values]
        assert max(after - before for before, after in pairwise(curve)) <= 32


def test_a_short_training_loses_nothing_but_its_progress() -> None:
    figures = [a_figure(epoch) for epoch in range(1, 101)]
    said = [STARTED, Progress(stage="Training", done=1, total=2), *figures]
    assert worth_keeping(said, most=100) == [STARTED, *figures]


def test_little_is_in_memory_while_a_long_file_is_read() -> None:
    known: list[weakref.ref[Message]] = []

    def said() -> Iterator[Message]:
        for number in range(1000):
            for message in (a_figure(number), Warned(message=f"Warning {number}.")):
                known.append(weakref.ref(message))
                yield message
            assert sum(one() is not None for one in known[:-2]) <= 405

    kept = worth_keeping(said(), most=100)
    warned = [message.message for message in kept if isinstance(message, Warned)]
    assert (len(warned), warned[0], warned[-1]) == (100, "Warning 0.", "Warning 999.")
    assert 50 < len(kept) - len(warned) <= 100
