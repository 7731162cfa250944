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


_reconstruct: Final[Any] = np.empty(0, np.uint8).__reduce__()[0]


def _array_shell(kind: object, shape: object, dtype: object) -> Any:  # noqa: ANN401 - filled by the pickle
    return _reconstruct(np.ndarray, (0,), b"b")


def _dtype(kind: str, *flags: bool) -> np.dtype[Any]:
    """Stands for ``numpy.dtype``; of dates its second half, read from a broken file, would end the process."""
    made = np.dtype(kind, *flags)
    if made.kind in "mM":
        raise ForeignObject("numpy.datetime64")
    return made


_scalar: Final[Any] = np.float64(0).__reduce__()[0]
_from_buffer: Final[Any] = np.zeros(1).__reduce_ex__(5)[0]

#: (module, name) → what is made. Modules of older numpy versions under their older names.
_LISTED: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    **{(f"{module}.multiarray", "_reconstruct"): _array_shell for module in ("numpy.core", "numpy._core")},
    **{(f"{module}.multiarray", "scalar"): _scalar for module in ("numpy.core", "numpy._core")},
    **{(f"{module}.numeric", "_frombuffer"): _from_buffer for module in ("numpy.core", "numpy._core")},
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    **{(module, name): {"list": list, "dict": dict, "set": set, "tuple": tuple, "bytearray": bytearray}[name]
       for module in ("builtins", "__builtin__") for name in ("list", "dict", "set", "tuple", "bytearray")},
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
    if isinstance(found, np.ndarray) and found.dtype == object and found.size == 1:
        found = found.reshape(()).item()
    if not isinstance(found, dict) or "masks" not in found:
        raise NoMasks("it holds no masks of Cellpose")
    masks = found["masks"]
    if not isinstance(masks, np.ndarray) or masks.dtype.kind not in "bui" or masks.ndim not in (2, 3):
        raise NoMasks("its masks are no image of whole numbers")
    return np.ascontiguousarray(masks)
