"""The table of a bake-off in words, line by line, for the window and the terminal alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from segstudio.session.bake_off_record import Record, Row
from segstudio.session.bake_off_result import JUDGES, Judge, Standing, figure_of, standings, winner

#: Stands where a figure is not known.
NOTHING: Final = "–"
#: Stands where an interval would say more than so few images can.
TOO_FEW: Final = "too few images"
_STATES: Final = {"waiting": "waits", "training": "learns", "scoring": "is scored", "done": "scored"}


@dataclass(frozen=True, slots=True)
class Line:
    """One candidate.

    Attributes
    ----------
    standing
        ``None`` while it is not scored: then only `state` says something.
    wins
        Whether it is better than all others by more than chance explains.
    others
        The figures that do not decide, in the order of `other_judges`.
    """

    row: Row
    state: str
    standing: Standing | None = None
    wins: bool = False
    score: str = NOTHING
    behind: str = NOTHING
    others: tuple[str, ...] = (NOTHING,) * (len(JUDGES) - 1)
    learned: str = NOTHING
    parameters: str = NOTHING
    size: str = NOTHING
    speed: str = NOTHING


def other_judges(judge: Judge) -> tuple[Judge, ...]:
    """Return the measures that do not decide."""
    return tuple(other for other in JUDGES if other is not judge)


def lines_of(record: Record, judge: Judge) -> list[Line]:
    """Return the scored candidates from the best to the worst, then the others in their order."""
    ranked = standings(record, judge)
    scored = {standing.row.run for standing in ranked}
    made = [_scored(ranked, place, judge) for place in range(len(ranked))]
    return made + [Line(row, _state(row)) for row in record.rows if row.run not in scored]


def _scored(ranked: Sequence[Standing], place: int, judge: Judge) -> Line:
    standing = ranked[place]
    row, interval, report = standing.row, standing.interval, standing.row.evaluation
    if report is None:
        raise ValueError(f"{row.title} has no score.")
    spread = "" if interval is None else f" ({interval.low:.2f} to {interval.high:.2f})"
    spread = spread if standing.believable else f" ({TOO_FEW})"
    return Line(
        row,
        _state(row),
        standing,
        wins=standing is winner(ranked),
        score=f"{standing.value:.2f}{spread}",
        behind=_behind(ranked, place),
        others=tuple(_figure(figure_of(row, other)) for other in other_judges(judge)),
        learned=f"{row.minutes:.1f} min{', stopped' if row.stopped else ''}",
        parameters=f"{report.parameters / 1e6:.2f} M",
        size=f"{report.weights_mb:.1f} MB",
        speed=_figure(report.seconds_per_megapixel, " s"),
    )


def _behind(ranked: Sequence[Standing], place: int) -> str:
    """Return how far a candidate is behind the best, and whether that can be told."""
    if len(ranked) < 2:
        return NOTHING
    if place == 0:
        return "best" if all(item.apart for item in ranked[1:]) else "ahead, not apart"
    gap = ranked[place].behind
    if gap is None:
        return "not apart"
    words = f"{max(gap.value, 0):.2f} behind"
    return words if ranked[place].apart else f"{words}, not apart"


def _state(row: Row) -> str:
    return f"failed: {row.error} {row.hint}".strip() if row.state == "failed" else _STATES[row.state]


def _figure(value: float | None, unit: str = "") -> str:
    return NOTHING if value is None else f"{value:.2f}{unit}"
