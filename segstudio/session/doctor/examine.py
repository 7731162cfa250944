"""All rules on one training: what is found, the worst first, without what follows from something worse."""

from dataclasses import replace

from segstudio.session.doctor import fitting, learning_rate, length
from segstudio.session.doctor.base import SEVERITIES, Case, Finding, Remedy, Rule, counted
from segstudio.session.doctor.fitting import overfitting, stuck_at_background
from segstudio.session.doctor.labels import few_labels, no_validation, small_validation, unlike_validation
from segstudio.session.doctor.learning_rate import not_finite, rate_too_high, rate_too_low
from segstudio.session.doctor.length import no_better_than_start, other_normalisation, too_short
from segstudio.session.doctor.sizes import short_sight, small_boxes, small_patch

#: In the order in which findings of one severity are told.
RULES: tuple[Rule, ...] = (
    not_finite,
    rate_too_high,
    rate_too_low,
    stuck_at_background,
    other_normalisation,
    small_patch,
    small_boxes,
    short_sight,
    no_validation,
    few_labels,
    no_better_than_start,
    overfitting,
    too_short,
    unlike_validation,
    small_validation,
)

#: Looks at the validation images that the most patient rule needs.
LOOKS_NEEDED = max(fitting.LEAST_POINTS, learning_rate.LEAST_POINTS, length.LEAST_POINTS)


def silence(case: Case) -> tuple[str, bool]:
    """Return what it means that nothing is found, and whether that is good news: every rule could have spoken.

    Examples
    --------
    >>> from pathlib import Path
    >>> from segstudio.jobs.messages import Metric
    >>> from segstudio.jobs.spec import ClassSpec, TrainJob
    >>> job = TrainJob(job_id="1", name="a", run_folder=Path("a"), samples=(), classes=(ClassSpec(id=1, name="cell"),))
    >>> look = Metric(epoch=1, step=50, elapsed_s=9, values={"val_f1": 0.5})
    >>> silence(Case.of(job, [look]))
    ('Too early to tell: 1 look at the validation images so far, and it takes 6.', False)
    """
    if case.looks >= LOOKS_NEEDED:
        return "Nothing looks wrong.", True
    looks = f"{counted(case.looks, 'look')} at the validation images"
    if case.over:
        return f"Nothing looks wrong, but it was too short to tell: {looks}, and it takes {LOOKS_NEEDED}.", False
    return f"Too early to tell: {looks} so far, and it takes {LOOKS_NEEDED}.", False


def examine(case: Case) -> tuple[Finding, ...]:
    """Return what is worth knowing about a training, the worst first; nothing for a healthy one.

    Examples
    --------
    >>> from pathlib import Path
    >>> from segstudio.jobs.messages import Facts
    >>> from segstudio.jobs.spec import ClassSpec, TrainJob
    >>> job = TrainJob(job_id="1", name="a", run_folder=Path("a"), samples=(), classes=(ClassSpec(id=1, name="cell"),))
    >>> facts = Facts(values={"patch_px": 64, "object_diameter_p90_px": 120.0})
    >>> [finding.code for finding in examine(Case.of(job, [facts]))]
    ['small-patch']
    """
    found = [finding for rule in RULES for finding in rule(case)]
    explained = frozenset(code for finding in found for code in finding.explains)
    left = [finding for finding in found if finding.code not in explained]
    return _once(sorted(left, key=lambda finding: SEVERITIES.index(finding.severity)))


def _once(found: list[Finding]) -> tuple[Finding, ...]:
    """Return `found` with each change of settings offered by its first finding only."""
    offered: list[Remedy] = []
    kept = []
    for finding in found:
        again = finding.remedy is not None and bool(finding.remedy.settings) and finding.remedy in offered
        kept.append(replace(finding, remedy=None) if again else finding)
        offered += [finding.remedy] if finding.remedy is not None else []
    return tuple(kept)
