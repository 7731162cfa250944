"""What is kept in memory of all that a training says: a long one says a hundred thousand things."""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final

from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Started, Warned

#: What is asked for again: how it goes, and what is plotted. Progress and pictures are not.
KEPT: Final = (Started, Facts, Metric, Warned, Failed, Finished)
#: Figures of one training: more than a plot has points across, or any rule needs.
MOST: Final = 4096


def worth_keeping(messages: Iterable[Message], most: int = MOST) -> list[Message]:
    """Return what is kept of `messages`, in order; while they are read at most twice as many are in memory.

    Of more than `most` figures, which are four at least, each second one is left out, as often as needed: of those
    with a validation and those without for themselves. The first and the last stay, and those of the best weights.
    Of more than `most` of what is no figure, which no training of ours says, those in the middle are left out.
    """
    figures, others = _Figures(most), list[tuple[int, Message]]()
    for place, message in enumerate(messages):
        if isinstance(message, Metric):
            figures.add(place, message)
        elif isinstance(message, KEPT):
            others.append((place, message))
            if len(others) > 2 * most:
                others = _ends(others, most)
    kept: list[tuple[int, Message]] = [*figures.kept(), *_ends(others, most)]
    return [message for _, message in sorted(kept, key=itemgetter(0))]


def _ends(items: list[tuple[int, Message]], most: int) -> list[tuple[int, Message]]:
    return items if len(items) <= most else items[: most // 2] + items[-(most // 2) :]


class _Figures:
    """Figures as evenly spread over a training as they came, however long it is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._every = 1
        self._seen = {True: 0, False: 0}
        self._kept: list[tuple[int, int, Metric]] = []

    def add(self, place: int, figure: Metric) -> None:
        judged = any(name.startswith("val_") for name in figure.values)
        self._kept.append((place, self._seen[judged], figure))
        self._seen[judged] += 1
        if len(self._kept) > 2 * self._most:
            self._thin()

    def kept(self) -> Iterator[tuple[int, Metric]]:
        if self._every > 1 or len(self._kept) > self._most:
            self._thin()
        return ((place, figure) for place, _, figure in self._kept)

    def _thin(self) -> None:
        stay = {self._kept[-1][0], *[place for place, _, figure in self._kept if figure.best][-1:]}
        while True:
            self._kept = [item for item in self._kept if item[1] % self._every == 0 or item[0] in stay]
            if len(self._kept) <= self._most:
                return
            self._every *= 2
