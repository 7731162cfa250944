"""What the user calls a run: sentences about it say this, not the name of its folder."""

from pathlib import Path

from segstudio.io.json_file import json_content


def run_name(folder: Path) -> str:
    """Return the name of the run in `folder`, that of the folder when the run does not tell."""
    return _told(folder) or folder.name


def model_name(folder: Path) -> str:
    """Return the name of the run whose model lies in `folder`; empty for a model elsewhere, which its place names."""
    return _told(folder.parent) if folder.name == "model" else ""


def _told(folder: Path) -> str:
    try:
        job = json_content(folder / "job.json")
    except (OSError, ValueError):
        return ""
    name = job.get("name") if isinstance(job, dict) else None
    return name.strip() if isinstance(name, str) else ""
