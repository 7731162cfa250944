"""``segstudio``: the window without arguments or with files to open, otherwise a command."""

import sys
from contextlib import nullcontext
from pathlib import Path


def main() -> int:
    """Open the window or run the command that was asked for; return the exit code."""
    words = sys.argv[1:]
    try:
        if not words or _is_file(words[0]):
            from segstudio.gui.app import main as open_window

            return int(open_window(words) or 0)
        from segstudio.cli.signals import interrupted_by_end

        # A worker has its own ways to end, and a window is not ours to end.
        alone = words[0] == "worker" or (words[0] == "demo" and "--no-window" not in words)
        with nullcontext() if alone else interrupted_by_end():
            from segstudio.cli.main import main as run_command

            return run_command(words)
    except KeyboardInterrupt:  # in the first moment, while modules are still imported
        sys.stderr.write("Interrupted.\n")
        return 130


def _is_file(word: str) -> bool:
    # A command wins over a file of the same name; ./train names the file.
    from segstudio.cli.main import COMMANDS, HIDDEN

    return not word.startswith("-") and word not in (*COMMANDS, *HIDDEN) and Path(word).exists()


if __name__ == "__main__":
    sys.exit(main())
