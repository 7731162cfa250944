"""A process that opens hostile files and tells of every event that a stranger's file must not cause.

``python file_runner.py KIND,KIND FIRST COUNT FOLDER MEMORY SOURCE``: files number FIRST to FIRST + COUNT, of the
kinds in turn: changed at random (SOURCE "mutated:SEED"), made to do harm ("hostile:"), or those in the folder of the
kind in the folder SOURCE. One JSON line before each file, one for what was found.
"""

import faulthandler
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: A file that takes longer hangs, seconds.
PATIENCE = 10

#: Beginnings of audit events that reading never needs.
FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "pty.",
    "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "pickle.find_class", "ctypes.dlopen", "os.remove",
    "os.rename", "os.symlink", "os.link", "shutil.rmtree", "sys.addaudithook", "builtins.input", "cpython.run_",
    "function.__new__",
)  # fmt: skip

_listening = False
_events: list[str] = []
_allowed: Path = Path()
_program = tuple({os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, Path(__file__).parents[2])})


def listen(event: str, args: tuple[Any, ...]) -> None:
    """Note what must not happen while a file is open."""
    if not _listening:
        return
    if event == "open":
        path, flags = args[0], args[2]
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        if isinstance(path, int):
            return
        real = Path(os.path.realpath(os.fsdecode(path)))
        if not real.is_relative_to(_allowed) and (writes or not str(real).startswith((*_program, "/dev", "/proc"))):
            _events.append(f"open {path!r} {flags}")
    elif event in ("exec", "compile", "code.__new__", "marshal.loads"):
        if not _of_program(event, args):
            _events.append(f"{event} {str(args)[:120]}")
    elif event == "import":
        if isinstance(args[1], str) and os.path.realpath(args[1]).startswith(str(_allowed)):
            _events.append(f"import {args[0]} from {args[1]}")
    elif event.startswith(FORBIDDEN):
        _events.append(f"{event} {str(args)[:120]}")


def _of_program(event: str, args: tuple[Any, ...]) -> bool:
    """Whether code comes from where the program and its libraries are installed."""
    if event == "marshal.loads":  # a module of a library that is imported late
        return sys._getframe(2).f_code.co_filename == "<frozen importlib._bootstrap_external>"
    name = {"exec": lambda: args[0].co_filename, "compile": lambda: args[1], "code.__new__": lambda: args[1]}[event]()
    name = os.fsdecode(name) if isinstance(name, str | bytes) else "?"
    # numpy reads the header of an array as a literal, which is parsed and not run; Cython makes empty code to name
    # the place of an error.
    literal = event == "compile" and name == "<unknown>" and sys._getframe(2).f_code.co_name == "parse"
    place = name.endswith(".pyx") and event in ("code.__new__", "compile")
    library = name.startswith("<frozen") or (Path(name).is_absolute() and os.path.realpath(name).startswith(_program))
    return literal or place or library


class _Bench:
    """One kind of file, in a folder of its own, whose whole files were all opened once."""

    def __init__(self, name: str, folder: Path, source: str) -> None:
        from reliability.file_kinds import KINDS

        self.name, self.source, self.kind = name, source, KINDS[name]
        folder.mkdir()
        self.kind.beside(folder)
        self.seeds = self.kind.make(folder)
        self.path = _target(folder, self.kind.name)
        for whole in self.seeds:  # imports what is imported late, and shows that whole files open
            self.path.write_bytes(whole)
            self.kind.open(self.path)

    def write(self, number: int) -> str:
        """Write one file; return its mark."""
        from reliability.hostile_files import hostile
        from reliability.mutations import mutated

        word, _, seed = self.source.partition(":")
        if word == "mutated":
            mark = f"{seed}-{self.name}-{number}"
            data = mutated(self.seeds, mark, is_text=self.kind.is_text)
        elif word == "hostile":
            mark, data = f"hostile-{self.name}-{number}", hostile(self.name, number)
        else:
            file = sorted((Path(self.source) / self.name).iterdir())[number]
            mark, data = f"{self.name}/{file.name}", file.read_bytes()
        self.path.write_bytes(data)
        return mark


def main() -> None:
    """Open the files; see the module."""
    global _allowed
    names, first, count, folder, memory, source = sys.argv[1:]
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from PIL import Image

    from segstudio.io.confinement import claim_pipes

    Image.init()
    _allowed = Path(folder).resolve()
    benches = [_Bench(name, _allowed / name, source) for name in names.split(",")]
    _, out = claim_pipes()
    _limit(int(memory))
    sys.addaudithook(listen)
    for at in range(int(first), int(first) + int(count)):
        bench = benches[at % len(benches)]
        mark = bench.write(at // len(benches))
        out.write(json.dumps({"file": mark, "path": str(bench.path), "kind": bench.name}).encode() + b"\n")
        out.flush()
        told = {"file": mark, **_opened(bench.kind.open, bench.path)}
        out.write(json.dumps(told).encode() + b"\n")
        out.flush()


def _opened(open_file: Callable[[Path], object], path: Path) -> dict[str, Any]:
    global _listening
    from segstudio.core.errors import UserError

    found: dict[str, Any] = {}
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    begin, _listening = time.perf_counter(), True
    try:
        open_file(path)
        found["outcome"] = "open"
    except UserError as error:
        found["outcome"] = "refuse"
        if "\n" in error.message or not error.message.endswith((".", "!", "…")):
            found["words"] = error.message[:300]
    except BaseException:  # noqa: BLE001 - that is what is looked for
        found["outcome"], found["crash"] = "crash", traceback.format_exc()[-3000:]
    finally:
        _listening = False
        faulthandler.cancel_dump_traceback_later()
    if _events:
        found["events"] = sorted(set(_events))[:9]
        _events.clear()
    return {**found, "seconds": round(time.perf_counter() - begin, 3)}


def _target(folder: Path, name: str) -> Path:
    if name.endswith("/"):
        return sorted((folder / name).glob("*.sj"))[0]
    return folder / name


def _limit(memory: int) -> None:
    if sys.platform == "linux":
        import resource

        import psutil

        limit = psutil.Process().memory_info().vms + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
