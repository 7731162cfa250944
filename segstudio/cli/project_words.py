"""What opening a project has found, for who works on the command line."""

import sys

from segstudio.project.project import Project


def tell_warnings(project: Project) -> None:
    """Write what was found on opening `project`, as that a newer program wrote it, where errors go."""
    for sentence in project.warnings:
        sys.stderr.write(f"Note: {sentence}\n")
