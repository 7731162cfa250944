"""One figure of a benchmark, one JSON line: name, value, unit, peer, ratio, target, met."""

import json
import os
import sys
from pathlib import Path

# The scripts run alone, from anywhere, and without a screen.
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

#: Whether each target printed so far was met.
_MET: list[bool] = []


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    target: float | None = None,
    peer: float | None = None,
    least_ratio: float | None = None,
    higher_is_better: bool = False,
    **more: float,
) -> None:
    """Print one figure.

    Parameters
    ----------
    target
        What `value` may be at most; at least with `higher_is_better`.
    peer
        The same figure of another program, measured in the same run.
    least_ratio
        How many times better than the peer it has to be.
    more
        Further columns of the line, as ``p95``.
    """
    ratio = None if peer is None else (value / peer if higher_is_better else peer / value)
    wanted = []
    if target is not None:
        wanted.append(value >= target if higher_is_better else value <= target)
    if least_ratio is not None and ratio is not None:
        wanted.append(ratio >= least_ratio)
    met = all(wanted) if wanted else None
    _MET.append(met is not False)
    line = {"name": name, "value": _short(value), "unit": unit, "peer": _short(peer), "ratio": _short(ratio)}
    line |= {"target": target, "met": met} | {key: _short(item) for key, item in more.items()}
    print(json.dumps(line), flush=True)


def exit_code() -> int:
    """Return 1 when a target was missed."""
    return 0 if all(_MET) else 1


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
