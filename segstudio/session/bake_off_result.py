"""What a bake-off says: a table from the best to the worst, and one sentence that does not say more than is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from segstudio.core.bootstrap import Figure, Interval, paired_difference, pooled_figure, score_interval
from segstudio.jobs.evaluation import Evaluation
from segstudio.session.bake_off_record import Record, Row
from segstudio.session.doctor.length import has_hardly_begun


@dataclass(frozen=True, slots=True)
class Judge:
    """One measure by which candidates are put in order.

    Attributes
    ----------
    title
        As ``"AP"``.
    says
        What it is, in a sentence.
    thresholds
        IoU from which on an object counts as found; the figure is the mean over them.
    """

    key: str
    title: str
    says: str
    figure: Figure
    thresholds: tuple[float, ...]


#: With fewer images nothing is told apart: that all of five prefer one of two equals happens once in sixteen times
#: (sign test), more often than the 5 % that an interval of 95 % promises; a bootstrap of so few does not see it.
FEWEST_IMAGES: Final = 6

#: A score below this is none.
NOTHING_FOUND: Final = 0.005
#: The first decides unless the user says otherwise.
JUDGES: Final[tuple[Judge, ...]] = (
    Judge(
        "ap",
        "AP",
        "Average precision, the mean over overlaps of 0.5 to 0.9: finding objects and outlining them well both count.",
        "ap",
        tuple(round(0.5 + 0.05 * step, 2) for step in range(9)),
    ),
    Judge(
        "f1", "F1 at 0.5", "Found objects that overlap the drawn one by at least half: finding counts.", "f1", (0.5,)
    ),
    Judge("ap80", "AP at 0.8", "Objects count only when the outline is close: the outline counts.", "ap", (0.8,)),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One scored candidate in order.

    Attributes
    ----------
    value, interval
        Its score, and the 95 % interval; no interval for a single image.
    behind
        How much the best is better, on the same draws of images; ``None`` for the best itself and for a single image.
    apart
        Whether the best is better by more than chance explains.
    believable
        Whether there are images enough to believe the intervals: of a few they are narrow by chance.
    """

    row: Row
    value: float
    interval: Interval | None
    behind: Interval | None
    apart: bool
    believable: bool


def judge_called(key: str) -> Judge:
    """Return a measure by its key, the first for an unknown one."""
    return next((judge for judge in JUDGES if judge.key == key), JUDGES[0])


def standings(record: Record, judge: Judge = JUDGES[0]) -> list[Standing]:
    """Return the scored candidates, the best first; equals in the order of the record."""
    scored = [(row, row.evaluation) for row in record.rows if row.state == "done" and row.evaluation is not None]
    ranked = sorted(scored, key=lambda item: -_value(item[1], judge))
    made = []
    for place, (row, evaluation) in enumerate(ranked):
        behind = _difference(ranked[0][1], evaluation, judge) if place else None
        enough = len(evaluation.images) >= FEWEST_IMAGES
        apart = behind is not None and behind.excludes_zero and enough
        made.append(Standing(row, _value(evaluation, judge), _interval(evaluation, judge), behind, apart, enough))
    return made


def finds_anything(ranked: Sequence[Standing]) -> bool:
    """Return whether the best of `standings` has a score at all."""
    return bool(ranked) and ranked[0].value >= NOTHING_FOUND


def winner(ranked: Sequence[Standing]) -> Standing | None:
    """Return the best of `standings` when it is better than each other by more than chance explains."""
    if len(ranked) < 2 or not finds_anything(ranked) or not all(item.apart for item in ranked[1:]):
        return None
    return ranked[0]


def figure_of(row: Row, judge: Judge) -> float | None:
    """Return one figure of a candidate, ``None`` while it is not scored."""
    return None if row.evaluation is None else _value(row.evaluation, judge)


def verdict(record: Record, judge: Judge = JUDGES[0]) -> str:
    """Return what can be said about the winner, in one or two plain sentences."""
    table = standings(record, judge)
    if not table:
        return "Nothing is scored yet." if not record.over else "No candidate could be scored; each says why."
    best, images = table[0], _images(record)
    if best.row.evaluation is not None and not best.row.evaluation.objects:
        return f"Nothing can tell which candidate is better: no object is labelled on {images}."
    if not finds_anything(table):
        return f"No candidate finds objects on {images} yet: give them more minutes, or label more."
    return f"{_who_is_best(record, judge, table)}{_hardly_trained(table)}"


def _who_is_best(record: Record, judge: Judge, table: Sequence[Standing]) -> str:
    best, others = table[0], table[1:]
    images = _images(record)
    score = f"{judge.title} {best.value:.2f}{_spread(best)}"
    if not others:
        left = "" if record.over else " The others follow."
        alone = " There is nothing to compare it with: no other candidate could be scored." if record.over else left
        return f"{best.row.title}: {score} on {images}.{alone}"
    level = [item for item in others if not item.apart]
    behind = [item for item in others if item.apart]
    so_far = "" if record.over else "So far "
    if not level:
        nearest = behind[0]
        words = f"{so_far}{best.row.title} wins on these images: {score} on {images}."
        return f"{words} {_behind(nearest)}{_more(len(behind) - 1)}"
    names = _joined([item.row.title for item in level])
    if len(record.validation) < FEWEST_IMAGES:
        # No interval here: of so few images it is narrow by chance, and contradicts what is said.
        few = f"Only {images} judge{'s' if len(record.validation) == 1 else ''}: too few to tell."
        helps = f" It takes {FEWEST_IMAGES} or more: label more images for validation." if record.over else ""
        return f"{few} {so_far}{best.row.title} is ahead with {judge.title} {best.value:.2f}.{helps}"
    words = f"{so_far}{best.row.title} is ahead with {score}, but cannot be told apart from {names} on {images}."
    return f"{words}{' More images for validation, or more minutes, may tell.' if record.over else ''}"


def _hardly_trained(table: Sequence[Standing]) -> str:
    """Name the candidates that had too little time to show anything, by the rule for single trainings."""
    f1 = JUDGES[1]
    titles = [
        item.row.title
        for item in table
        if item.row.looks is not None and has_hardly_begun(item.row.looks, figure_of(item.row, f1) or 0.0)
    ]
    if not titles:
        return ""
    who = (
        "No candidate was trained for long enough"
        if len(titles) == len(table)
        else f"{_joined(titles)} {'was' if len(titles) == 1 else 'were'} hardly trained"
    )
    return f" {who}: give each more minutes."


def _value(evaluation: Evaluation, judge: Judge) -> float:
    return float(pooled_figure(evaluation.counts(judge.thresholds).sum(axis=0), judge.figure))


# Thousands of draws each, and asked for at every step of a comparison: by the table, the sentence and the button.
@lru_cache(maxsize=256)
def _interval(evaluation: Evaluation, judge: Judge) -> Interval | None:
    return score_interval(evaluation.counts(judge.thresholds), judge.figure)


@lru_cache(maxsize=256)
def _difference(best: Evaluation, other: Evaluation, judge: Judge) -> Interval | None:
    return paired_difference(best.counts(judge.thresholds), other.counts(judge.thresholds), judge.figure)


def _images(record: Record) -> str:
    count = len(record.validation)
    return "1 validation image" if count == 1 else f"{count} validation images"


def _spread(standing: Standing) -> str:
    interval = standing.interval
    if interval is None or not standing.believable:
        return ""
    return f" (95 % interval {interval.low:.2f} to {interval.high:.2f})"


def _behind(standing: Standing) -> str:
    gap = standing.behind
    if gap is None:
        return ""
    return f"{standing.row.title} is {gap.value:.2f} behind ({gap.low:.2f} to {gap.high:.2f})"


def _more(count: int) -> str:
    if count == 0:
        return "."
    return ", the other further." if count == 1 else f", the other {count} further."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
