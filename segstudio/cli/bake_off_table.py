"""A bake-off as a table on a terminal, and as JSON."""

from pathlib import Path
from typing import Any

from rich.table import Table

from segstudio.session.bake_off_record import Record, Row
from segstudio.session.bake_off_result import (
    JUDGES,
    Judge,
    Standing,
    behind_words,
    figure_of,
    interval_words,
    standings,
    verdict,
)

_STATES = {"waiting": "waits", "training": "learns", "scoring": "is scored", "done": "", "failed": "failed"}
_NOTHING = "–"


def table_of(record: Record, judge: Judge) -> Table:
    """Return the table, the best candidate first; those that are not scored follow in their order."""
    table = Table(box=None)
    table.add_column("candidate")
    others = [other for other in JUDGES if other is not judge]
    for title in (f"{judge.title} (95 %)", "behind the best", *(other.title for other in others)):
        table.add_column(title, justify="right")
    for title in ("minutes", "parameters", "MB", "s/Mpx"):
        table.add_column(title, justify="right")
    table.add_column("")
    ranked = standings(record, judge)
    for place, standing in enumerate(ranked):
        row = standing.row
        table.add_row(
            row.title,
            interval_words(standing.value, standing.interval),
            behind_words(standing, place),
            *(_figure(figure_of(row, other)) for other in others),
            *_size(row),
            "stopped early" if row.stopped else "",
            style="bold" if place == 0 else "",
        )
    scored = {standing.row.run for standing in ranked}
    for row in record.rows:
        if row.run not in scored:
            blank = [_NOTHING] * (len(others) + 6)
            table.add_row(row.title, *blank, f"{_STATES[row.state]} {row.error}".strip(), style="dim")
    return table


def report_of(record: Record, judge: Judge, base: Path) -> dict[str, Any]:
    """Return everything as plain values for JSON."""
    ranked = standings(record, judge)
    places = {standing.row.run: standing for standing in ranked}
    return {
        "minutes": record.minutes,
        "judge": judge.key,
        "validation_images": len(record.validation),
        "over": record.over,
        "verdict": verdict(record, judge),
        "winner": ranked[0].row.candidate.key if ranked else None,
        "candidates": [
            _candidate(row, places.get(row.run), base)
            for row in sorted(record.rows, key=lambda row: _place(row, ranked))
        ],
    }


def _candidate(row: Row, standing: Standing | None, base: Path) -> dict[str, Any]:
    values: dict[str, Any] = {"candidate": row.candidate.key, "state": row.state, "stopped": row.stopped}
    if row.error:
        values |= {"error": row.error, "hint": row.hint}
    if standing is None or row.evaluation is None:
        return values
    interval, behind = standing.interval, standing.behind
    values |= {"score": standing.value, "interval": None if interval is None else [interval.low, interval.high]}
    values |= {
        "behind": None if behind is None else behind.value,
        "behind_interval": None if behind is None else [behind.low, behind.high],
        "told_apart": standing.apart,
    }
    values |= {other.key: figure_of(row, other) for other in JUDGES}
    values |= {
        "minutes": row.minutes,
        "parameters": row.evaluation.parameters,
        "weights_mb": row.evaluation.weights_mb,
        "seconds_per_megapixel": row.evaluation.seconds_per_megapixel,
        "model": str(base / row.run / "model"),
    }
    return values


def _place(row: Row, ranked: list[Standing]) -> int:
    runs = [standing.row.run for standing in ranked]
    return runs.index(row.run) if row.run in runs else len(runs)


def _size(row: Row) -> tuple[str, str, str, str]:
    evaluation = row.evaluation
    if evaluation is None:
        return _NOTHING, _NOTHING, _NOTHING, _NOTHING
    million = evaluation.parameters / 1e6
    speed = f"{evaluation.seconds_per_megapixel:.2f}"
    return f"{row.minutes:.1f}", f"{million:.2f} M", f"{evaluation.weights_mb:.1f}", speed


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"
