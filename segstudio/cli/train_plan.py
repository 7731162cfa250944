"""``segstudio train --dry-run``: the plan of a training in a few lines."""

import argparse
from collections.abc import Iterator

from segstudio.cli.progress import follow
from segstudio.jobs.messages import Facts, Message

Values = dict[str, float | int | str | bool | None]


def show_plan(messages: Iterator[Message], namespace: argparse.Namespace) -> int:
    """Print the `Facts` among `messages`, or all of them as JSON lines if asked; return the exit code."""
    found: list[Facts] = []

    def noting() -> Iterator[Message]:
        for message in messages:
            if isinstance(message, Facts):
                found.append(message)
            yield message

    follow(noting(), namespace)
    if not namespace.json_lines:
        for title, words in plan_lines(found[-1].values, _chosen_by(namespace)):
            print(f"{title:<14} {words}")  # noqa: T201
    return 0


def plan_lines(values: Values, chosen_by: str = "") -> Iterator[tuple[str, str]]:
    """Yield title and words of each line of a plan.

    Parameters
    ----------
    values
        As `segstudio.engine.plan.plan` tells them.
    chosen_by
        What decided which images are for validation, in words.
    """
    yield "Training", f"{_count(values, 'train_images', 'image')}, {_count(values, 'train_objects', 'object')}"
    yield "Validation", _validation(values)
    if values["validation_images"]:
        yield "", f"{values['validation_files']}{f', {chosen_by}' if chosen_by else ''}"
    if values.get("test_images"):
        yield "Test", f"{_count(values, 'test_images', 'image')}, not used"
    yield "Classes", ", ".join(_classes(values))
    if values["object_diameter_px"]:
        middle, large = values["object_diameter_px"], values["object_diameter_p90_px"]
        yield "Objects", f"{middle:.0f} px across (median), a tenth of them {large:.0f} px or more"
    yield "Channels", f"{values['channels']} ({values['channel_kind']})"
    yield "Formulation", str(values["formulation"])
    yield "Network", _network(values)
    yield "Patches", f"{values['patch_px']} px, {values['batch']} in a batch{_shared(values)}"
    yield "Length", _length(values)
    yield "Learning rate", f"{values['schedule']}, at most {values['learning_rate']:g}, by {values['optimiser']}"
    yield "Device", f"{values['device']} ({values['device_name']}), {_precision(values)}"
    yield "Memory", f"about {_size(values['memory_mb'])} in a step, {_size(values['free_memory_mb'])} are free"
    yield "Run", f"{values['run_folder']} (nothing was written)"


def _count(values: Values, name: str, word: str) -> str:
    number = values[name]
    return f"{number} {word}{'' if number == 1 else 's'}"


def _validation(values: Values) -> str:
    if not values["validation_images"]:
        return "none; scores would come from training images"
    return f"{_count(values, 'validation_images', 'image')}, {_count(values, 'validation_objects', 'object')}"


def _chosen_by(namespace: argparse.Namespace) -> str:
    """Return what decided which images are for validation.

    A folder knows nothing of what a project made of its images has kept, so the two may differ.
    """
    if namespace.data is None or namespace.resume:
        return ""
    from segstudio.project.layout import is_project

    if is_project(namespace.data):
        return "as the project keeps them"
    if (namespace.data / "val").is_dir():
        return "the folder val"
    return "chosen by file name (a project of these images may choose others)"


def _classes(values: Values) -> Iterator[str]:
    for name in str(values["classes"]).split(", "):
        train, seen = values.get(f"train_objects:{name}", 0), values.get(f"validation_objects:{name}", 0)
        yield f"{name} ({train} objects to train, {seen} to validate)"


def _network(values: Values) -> str:
    sight = "sees the whole tile" if values["sees_whole"] else f"looks {values['reach_px']} px around"
    begins = "from fetched weights" if values["fetches_weights"] else "from random weights"
    start = begins if values["from_scratch"] else "from a model"
    return f"{values['architecture']}, {int(values['parameters'] or 0):,} parameters, {sight}, {start}"


def _shared(values: Values) -> str:
    added = f", {values['batches_in_step']} batches in a step" if values["batches_in_step"] != 1 else ""
    shared = f", shared among {values['processes']} processes" if values["processes"] != 1 else ""
    return added + shared


def _length(values: Values) -> str:
    limits = []
    if values["minutes"]:
        limits.append(f"{values['minutes']:g} minute{'' if values['minutes'] == 1 else 's'}")
    if values["epochs"]:
        limits.append(f"{_count(values, 'epochs', 'epoch')} ({_count(values, 'steps', 'step')})")
    return " or ".join(limits) + (" at most" if len(limits) > 1 else "") if limits else "until it gets no better"


def _precision(values: Values) -> str:
    precision = str(values["precision"])
    return f"precision {precision}"


def _size(megabytes: float | int | str | bool | None) -> str:
    number = float(megabytes or 0)
    return f"{number / 1024:.1f} GB" if number >= 1024 else f"{number:.0f} MB"
