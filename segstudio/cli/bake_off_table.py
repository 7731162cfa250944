"""A bake-off as a table on a terminal, and as JSON."""

from pathlib import Path
from typing import Any

from rich.table import Table

from segstudio.session.bake_off_lines import lines_of, other_judges
from segstudio.session.bake_off_record import Record, Row
from segstudio.session.bake_off_result import JUDGES, Judge, Standing, figure_of, standings, verdict, winner


def table_of(record: Record, judge: Judge) -> Table:
    """Return the table, the best candidate first; those that are not scored follow in their order."""
    table = Table(box=None)
    table.add_column("candidate")
    figures = (f"{judge.title} (95 %)", "behind", *(other.title for other in other_judges(judge)))
    for title in (*figures, "learned", "parameters", "size", "per Mpx"):
        table.add_column(title, justify="right")
    table.add_column("")
    for line in lines_of(record, judge):
        table.add_row(
            line.row.title,
            line.score,
            line.behind,
            *line.others,
            line.learned,
            line.parameters,
            line.size,
            line.speed,
            "" if line.standing else line.state,
            style="bold" if line.wins else "" if line.standing else "dim",
        )
    return table


def report_of(record: Record, judge: Judge, base: Path) -> dict[str, Any]:
    """Return everything as plain values for JSON."""
    ranked = standings(record, judge)
    places = {standing.row.run: standing for standing in ranked}
    best = winner(ranked)
    return {
        "minutes": record.minutes,
        "judge": judge.key,
        "validation_images": len(record.validation),
        "over": record.over,
        "verdict": verdict(record, judge),
        "winner": best.row.candidate.key if best else None,
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
        "too_few_images": not standing.believable,
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
