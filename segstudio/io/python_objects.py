"""Takes the masks out of Cellpose's ``_seg.npy``, a pickle, in a confined process; only what is on a list is made."""

import json
import pickle  # noqa: TID251 - the one place: numbers, text, lists, dictionaries and arrays, and no other class
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy

from segstudio.io.confinement import claim_pipes, confine, limit_time, serve
from segstudio.io.decoding import DECODE_ERRORS

MEMORY: Final = 4_000_000_000
SECONDS: Final = 60.0


class ForeignObject(Exception):
    """A class or function that is not on the list."""


def _text(*parts: object) -> str:
    """Stands for a path, which Cellpose writes down."""
    return "/".join(str(part) for part in parts)


def _latin1(text: str, codec: str = "") -> bytes:
    """Stands for ``_codecs.encode``, with which old pickles write bytes; codecs that unpack are none of it."""
    return text.encode("latin1")


class _ArrayClass:
    """Stands for ``numpy.ndarray``, which is only named: called, it would lay an array over any bytes."""


class _Kind:
    """Stands for ``numpy.dtype``, whose second half, read from a broken file, ends a process."""

    def __init__(self, name: str, *flags: bool) -> None:
        self._name, self._order = name, "|"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self._order = str(state[1])

    @property
    def holds_objects(self) -> bool:
        return self._name in ("O", "O8")

    def made(self) -> np.dtype[Any]:
        """Return the type of whole numbers that this stands for."""
        if self._name not in _WHOLE_NUMBERS or self._order not in ("|", "<", ">", "="):
            raise NoMasks(_NO_NUMBERS)
        return np.dtype(self._name).newbyteorder(self._order)  # type: ignore[arg-type]


class _Array:
    """Stands for an array, which is made when it is known to be the masks and what its parts are."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, kind, columns_first, data = state
        self._parts = (data, kind, shape, "F" if columns_first else "C")

    @property
    def single_object(self) -> object:
        """What an array of one Python object holds, as that around the dictionary; ``None`` for another one."""
        data, kind, *_ = self._parts
        if isinstance(kind, _Kind) and kind.holds_objects and isinstance(data, list) and len(data) == 1:
            return data[0]
        return None

    def made(self) -> np.ndarray[Any, Any]:
        """Return the array of whole numbers that this stands for; raise ``NoMasks`` or ``ValueError``."""
        data, kind, shape, order = self._parts
        sides = isinstance(shape, tuple) and all(isinstance(side, int) and side >= 0 for side in shape)
        if not (isinstance(data, bytes | bytearray) and isinstance(kind, _Kind) and sides and order in ("C", "F")):
            raise NoMasks(_NO_NUMBERS)
        return np.frombuffer(data, kind.made()).reshape(shape, order=order)


def _array_shell(kind: object, shape: object, dtype: object) -> _Array:
    return _Array(None, None, (), "C")


def _scalar(kind: object, data: object) -> None:
    """Stands for a number of numpy: none of them is among the masks."""


_NO_NUMBERS: Final = "its masks are no image of whole numbers"
_WHOLE_NUMBERS: Final = frozenset(("b1", "?", *(f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8))))

#: (module, name) → what is made. Modules of older numpy versions under their older names.
_LISTED: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    **{(f"{module}.multiarray", "_reconstruct"): _array_shell for module in ("numpy.core", "numpy._core")},
    **{(f"{module}.multiarray", "scalar"): _scalar for module in ("numpy.core", "numpy._core")},
    **{(f"{module}.numeric", "_frombuffer"): _Array for module in ("numpy.core", "numpy._core")},
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    **{(module, name): kind
       for module in ("builtins", "__builtin__")
       for name, kind in (("list", list), ("dict", dict), ("set", set), ("tuple", tuple),
                          ("bytes", bytes), ("bytearray", bytearray))},
    **{(module, name): _text for module in ("pathlib", "pathlib._local")
       for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path")},
}  # fmt: skip


class _Listed(pickle.Unpickler):
    """Makes what is listed; persistent ids, extensions and everything else are refused."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as in the base class
        """Return what is listed under a name."""
        found = _LISTED.get((module, name))
        if found is None:
            raise ForeignObject(f"{module}.{name}"[:120])
        return found


def main(folder: str) -> None:
    """Answer questions on standard input until it is closed; masks go to `folder`."""
    questions, answers = claim_pipes()
    confine(MEMORY, Path(folder))
    serve(questions, answers, lambda line: answer(line, Path(folder)))


def answer(line: bytes, folder: Path) -> bytes:
    """Write the masks of one file to `folder`; return ``{}``, or why there are none."""
    path = Path(json.loads(line)["path"])
    limit_time(SECONDS)
    told: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            masks = _masks(_objects(file))
        np.save(folder / path.name, masks, allow_pickle=False)
    except ForeignObject as error:
        told = {"foreign": str(error)}
    except MemoryError:
        told = {"problem": "it needs more memory than it may take"}
    except OSError as error:
        told = {"problem": error.strerror or "it cannot be read"}
    except NoMasks as error:
        told = {"problem": str(error)}
    except (*DECODE_ERRORS, pickle.UnpicklingError):
        told = {"problem": "its content is broken or ends early"}
    return json.dumps(told).encode()


class NoMasks(ValueError):
    """What was read holds no label mask."""


def _objects(file: IO[bytes]) -> object:
    read_header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
    read_header(file)
    return _Listed(file).load()


def _masks(found: object) -> np.ndarray[Any, Any]:
    if isinstance(found, _Array):
        found = found.single_object
    if not isinstance(found, dict) or "masks" not in found:
        raise NoMasks("it holds no masks of Cellpose")
    if not isinstance(found["masks"], _Array) or (masks := found["masks"].made()).ndim not in (2, 3):
        raise NoMasks(_NO_NUMBERS)
    return np.ascontiguousarray(masks)
