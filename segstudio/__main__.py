"""``segstudio``: the window without arguments or with files to open, otherwise a command."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path and sys.path[0] != __file__.rsplit("segstudio", 1)[0][:-1]:
    del sys.path[0]  # the working folder, put there by ``python -m``: a project could have laid a torch.py in it

from contextlib import nullcontext
from pathlib import Path


def main() -> int:
    """Open the window or run the command that was asked for; return the exit code."""
    words = sys.argv[1:]
    try:
        if words[:1] == ["confined"]:  # begins while somebody waits: without what the command line needs
            from segstudio.cli.confined import main as read_for_others

            return read_for_others(words[1:])
        if not words or words[0] == "--safe-mode" or _is_file(words[0]):
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
