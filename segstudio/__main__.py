"""``segstudio``: without arguments the window, otherwise a command."""

import sys


def main() -> int:
    """Open the window or run the command that was asked for; return the exit code."""
    if len(sys.argv) < 2:
        from segstudio.gui.app import main as open_window

        return int(open_window() or 0)
    from segstudio.cli.main import main as run_command

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
