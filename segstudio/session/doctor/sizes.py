"""Does the network see enough: patches and receptive field beside the size of the objects."""

from collections.abc import Iterator

from segstudio.session.doctor.base import Case, Finding, Remedy

#: Patches are made a multiple of this, and never larger, pixels.
_PATCH_STEP, _LARGEST_PATCH = 32, 1024
#: Sides of a patch, in diameters of a large object, that leave room around it.
_ROOM = 2.0
#: Receptive fields smaller than this many diameters of a middling object miss its other side.
_FIELD = 1.0
#: What is offered instead sees this many of them.
_MARGIN = 1.5
_SMALLER = "Make the images smaller: half the size halves the objects."


def small_patch(case: Case) -> Iterator[Finding]:
    """Find patches that cut most large objects."""
    patch, large = case.number("patch_px"), _large(case)
    if patch is None or large is None or patch >= large or not case.finds_objects:
        return
    wanted = min(_LARGEST_PATCH, _rounded(_ROOM * large))
    fits = wanted > patch
    yield Finding(
        code="small-patch",
        severity="warning",
        sentence="The patches are smaller than the objects: the network hardly ever sees a whole one.",
        evidence=f"Patches are {patch:g} px wide; one object in ten is wider than {large:.0f} px.",
        advice=f"Train with patches of {wanted} px. If the memory does not suffice, make the images smaller first."
        if fits
        else _SMALLER,
        remedy=Remedy(f"Use patches of {wanted} px and train again", {"data.patch_size": wanted}, starts=True)
        if fits
        else None,
    )


def small_boxes(case: Case) -> Iterator[Finding]:
    """Find objects larger than those that a detector was told to look for."""
    setting, largest, large = case.facts.get("largest_setting"), case.number("largest_px"), _large(case)
    if not setting or largest is None or large is None or large <= largest:
        return
    wanted = int(min(_rounded(_MARGIN * large), case.number("most_px") or float("inf")))
    fits = wanted > large
    yield Finding(
        code="small-boxes",
        severity="warning",
        sentence="The objects are larger than those that the network looks for.",
        evidence=f"One object in ten is wider than {large:.0f} px; the setting {setting} says {largest:g} px.",
        advice=f"Let it look for objects up to {wanted} px." if fits else _SMALLER,
        remedy=Remedy(f"Look for {wanted} px and train again", {f"formulation.{setting}": wanted}, starts=True)
        if fits
        else None,
    )


def short_sight(case: Case) -> Iterator[Finding]:
    """Find a receptive field that is smaller than an object; what a detector looks for is another matter."""
    reach, stride, diameter = case.number("reach_px"), case.number("stride"), case.number("object_diameter_px")
    if reach is None or diameter is None or case.facts.get("sees_whole") or not case.finds_objects:
        return
    if case.facts.get("largest_setting"):
        return
    field = 2 * reach + (stride or 1)
    if field >= _FIELD * diameter:
        return
    remedy = _deeper(case, field, diameter)
    advice = "Give the network more levels" if remedy is not None else "Choose a network that looks farther"
    yield Finding(
        code="short-sight",
        severity="warning",
        sentence="The network cannot see a whole object at once.",
        evidence=f"Each pixel is judged by {field:.0f} px around it; a middling object is {diameter:.0f} px wide.",
        advice=f"{advice}, or make the images smaller: half the size halves the objects.",
        remedy=remedy,
    )


def _deeper(case: Case, field: float, diameter: float) -> Remedy | None:
    """Return a remedy with as many levels as are needed, each of which doubles what the network sees; none beyond."""
    setting, levels, most = case.facts.get("levels_setting"), case.number("levels"), case.number("most_levels")
    if levels is None or most is None or levels >= most:
        return None
    wanted = levels + 1
    while field * 2 ** (wanted - levels) < _MARGIN * diameter and wanted < most:
        wanted += 1
    changes = {f"architecture.{setting}": int(wanted)}
    return Remedy(f"Use {wanted:.0f} levels and train again", changes, starts=True)


def _rounded(pixels: float) -> int:
    """Return `pixels` as a multiple of what patches are a multiple of, not less."""
    return int(-(-pixels // _PATCH_STEP) * _PATCH_STEP)


def _large(case: Case) -> float | None:
    return case.number("object_diameter_p90_px") or case.number("object_diameter_px")
