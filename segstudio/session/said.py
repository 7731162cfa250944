"""What is kept in memory of all that a training says: a long one says a hundred thousand things."""

from collections.abc import Iterable
from typing import Final

from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Started, Warned

#: What is asked for again: how it goes, and what is plotted. Progress and pictures are not.
KEPT: Final = (Started, Facts, Metric, Warned, Failed, Finished)
#: Figures of one training: more than a plot has points across, or any rule needs.
MOST: Final = 4096


def worth_keeping(messages: Iterable[Message], most: int = MOST) -> list[Message]:
    """Return what is kept of `messages`, in order.

    Of more than `most` figures, which are four at least, each second one is left out, as often as needed: of those
    with a validation and those without for themselves. The first and the last stay, and those of the best weights.
    """
    kept: list[Message] = [message for message in messages if isinstance(message, KEPT)]
    while sum(isinstance(message, Metric) for message in kept) > most:
        kept = _each_second(kept)
    return kept


def _each_second(messages: list[Message]) -> list[Message]:
    figures = [place for place, message in enumerate(messages) if isinstance(message, Metric)]
    best = [place for place, message in enumerate(messages) if isinstance(message, Metric) and message.best]
    stay = {figures[-1], *best[-1:]}
    seen = {True: 0, False: 0}
    kept: list[Message] = []
    for place, message in enumerate(messages):
        if isinstance(message, Metric):
            judged = any(name.startswith("val_") for name in message.values)
            seen[judged] += 1
            if seen[judged] % 2 == 0 and place not in stay:
                continue
        kept.append(message)
    return kept
