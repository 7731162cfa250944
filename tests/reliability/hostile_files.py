"""Files that somebody made to do harm: code in pickles, bombs, names that lead out, headers that lie."""

import io
import json
import os
import pickle  # noqa: TID251 - to make what is to be refused
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import tifffile

#: What the code in a pickle would leave behind.
PWNED = "PWNED"
NAMES = (
    "../../x",
    "/etc/hostname",
    "C:\\Windows\\x",
    "\\\\host\\share\\x",
    "//host/share/x",
    "..\\..\\x",
    "a/../../../x",
    "x\0y",
    "~/x",
    "%2e%2e/x",
    "CON",
    "a" * 4000,
    "\u202egpj.exe",
    "file:///etc/hostname",
    "$(touch PWNED)",
    "`id`",
    "<img src='file:///etc/hostname'>",
    "=cmd|' /C calc'!A0",
    "{0.__class__}",
    "%s%n",
    "\ud800",
)


class _Code:
    def __init__(self, rng: random.Random) -> None:
        self.how = rng.randrange(6)

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            (os.system, (f"touch {PWNED}",)),
            (eval, (f"open('{PWNED}', 'w')",)),
            (exec, (f"open('{PWNED}', 'w')",)),
            (os.mkdir, (PWNED,)),
            (__builtins__["open"], (PWNED, "w")),  # type: ignore[index]
            (os.getenv, ("HOME",)),
        )[self.how]


def pickled(rng: random.Random) -> bytes:
    """Return a pickle that runs code when it is loaded."""
    content = rng.choice([_Code(rng), {"masks": _Code(rng)}, [1, _Code(rng)], {"state_dict": {"a": _Code(rng)}}])
    return pickle.dumps(content, protocol=rng.randrange(6))


def _object_npy(rng: random.Random) -> bytes:
    stream = io.BytesIO()
    header = {
        "descr": rng.choice(["|O", "O", "|O8"]),
        "fortran_order": rng.random() < 0.5,
        "shape": rng.choice([(), (1,), (4, 4)]),
    }
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + pickled(rng)


def _zip(rng: random.Random, *names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            if rng.random() < 0.2:
                info.external_attr = 0o120777 << 16  # a symbolic link
            archive.writestr(info, rng.choice([pickled(rng), _object_npy(rng), b"/etc/hostname"]))
    return stream.getvalue()


def _bomb(rng: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("masks.npy", "w") as member:
        side = rng.choice([3000, 5000, 20_000, 2**31])
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (side, side)})
        for _ in range(4):
            member.write(bytes(1 << 20))
    return stream.getvalue()


def _lying_npy(rng: random.Random) -> bytes:
    shape = rng.choice(
        [
            "(-1, 4)",
            "(4, -4)",
            "(1 << 40, 4)",
            "(99999999999, 9)",
            "(__import__('os').getcwd(), 4)",
            "(4,)" * 99,
            "(True, 4)",
            "(4.5, 4)",
            "()",
            "(0, 0)",
            "(" * 900 + ")" * 900,
        ]
    )
    descr = rng.choice(["'<u1'", "'|O'", "'<f16'", "[('a', '<u1')]", "'<M8[s]'", "'S99999999'", "open('PWNED','w')"])
    text = f"{{'descr': {descr}, 'fortran_order': {rng.choice(['True', 'False', '0'])}, 'shape': {shape}, }}"
    head = (text + " " * (-len(text) % 64) + "\n").encode()
    return (
        b"\x93NUMPY" + bytes([rng.choice([1, 2, 3, 9]), 0]) + struct.pack("<H", len(head) & 0xFFFF) + head + bytes(64)
    )


def _lying_tiff(rng: random.Random) -> bytes:
    number = rng.choice
    big = [0, 1, 60, 65535, 65536, 2**31 - 1, 2**32 - 1]
    tags = {
        256: number(big),
        257: number(big),
        258: number([1, 8, 16, 32, 64, 65535]),
        259: number([1, 5, 7, 8, 32773, 50000, 34712, 60000]),
        262: number([0, 1, 2, 3, 5, 6]),
        273: number([8, 0, 2**31, 2**32 - 1]),
        277: number([1, 3, 4, 65535]),
        278: number(big),
        279: number([0, 64, 2**31, 2**32 - 1]),
        284: number([1, 2]),
    }
    if rng.random() < 0.4:
        tags |= {322: number(big), 323: number(big), 324: number([8, 2**31]), 325: number([0, 64, 2**32 - 1])}
    if rng.random() < 0.3:
        tags[317] = number([2, 3, 9])
    count = len(tags)
    data = struct.pack("<2sHI", b"II", 42, 80) + bytes(72) + struct.pack("<H", number([count, count, count, 65535]))
    for tag, value in sorted(tags.items()):
        much = number([1, 1, 1, 1, 1, 2, 2**16, 2**31, 2**32 - 1])
        data += struct.pack("<HHII", tag, number([3, 4, 4, 4, 12, 99]), much, value & 0xFFFFFFFF)
    return data + struct.pack("<I", number([0, 0, 80, 2**31])) + bytes(200)


def _ome(rng: random.Random) -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    body = rng.choice(
        [
            f"<!DOCTYPE x [{laughs}]><OME><Image>&l9;</Image></OME>",
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><OME><Image>&e;</Image></OME>',
            '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><OME/>',
            "<OME>" + "<a>" * 20_000 + "</a>" * 20_000 + "</OME>",
            "<OME>" + "<a/>" * 200_000 + "</OME>",
            '<OME><Image><Pixels SizeX="8" SizeY="8" SizeZ="99999999" SizeC="99999" SizeT="999" DimensionOrder="XYZCT">'
            '<TiffData IFD="0" PlaneCount="999999999"/></Pixels></Image></OME>',
            '<OME><Image><Pixels SizeX="8" SizeY="8" SizeZ="1" SizeC="1" SizeT="2" DimensionOrder="XYZCT"><TiffData>'
            f'<UUID FileName="{rng.choice(NAMES[:5])}">u</UUID></TiffData>'
            '<TiffData FirstT="1"><UUID FileName="b.tif">v</UUID></TiffData></Pixels></Image></OME>',
            "<OME xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/hostname'/></OME>",
        ]
    )
    stream = io.BytesIO()
    text = f'<?xml version="1.0" encoding="{rng.choice(["UTF-8", "UTF-16", "UTF-7", "x"])}"?>{body}'
    tifffile.imwrite(stream, np.zeros((8, 8), np.uint8), description=text.encode("ascii"), metadata=None)
    return stream.getvalue()


@cache
def _zeros(count: int) -> bytes:
    return zlib.compress(bytes(count))


def _png(rng: random.Random) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = rng.choice([0, 1, 60, 20_000, 100_000, 2**31 - 1])
    head = struct.pack(
        ">IIBBBBB",
        side,
        rng.choice([side, 8]),
        rng.choice([1, 8, 16, 3]),
        rng.choice([0, 2, 3, 6]),
        0,
        0,
        rng.choice([0, 1]),
    )
    text = rng.choice(
        [
            b"",
            chunk(b"zTXt", b"a\0\0" + _zeros(30_000_000)),
            chunk(b"iCCP", b"a\0\0" + _zeros(30_000_000)),
            chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
            chunk(b"eXIf", b"II*\0" + b"\xff" * 99),
        ]
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + text
        + chunk(b"IDAT", _zeros(rng.choice([9, 9_000_000])))
        + chunk(b"IEND", b"")
    )


def _other_picture(rng: random.Random) -> bytes:
    wide = rng.choice([0, 1, 65535])
    return rng.choice(
        [
            b"GIF89a"
            + struct.pack("<HH", wide, 65535)
            + b"\x80\0\0"
            + bytes(6)
            + b","
            + struct.pack("<HHHH", 0, 0, wide, 65535)
            + b"\0\x02\x02L\x01\0;",
            b"BM"
            + struct.pack(
                "<IIIIiiHHIIiiII",
                118,
                0,
                54,
                40,
                rng.choice([-1, 2**31 - 1, 60]),
                rng.choice([-(2**31), 2**31 - 1, 48]),
                1,
                rng.choice([1, 4, 8, 24, 99]),
                rng.choice([0, 1, 2, 3, 9]),
                0,
                0,
                0,
                rng.choice([0, 2**31]),
                0,
            )
            + bytes(64),
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08"
            + struct.pack(">HH", wide, 65535)
            + b"\3\1\x11\0\2\x11\1\3\x11\1\xff\xda\0\x0c"
            + bytes(40),
            b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WEBPVP8X\n\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(40),
        ]
    )


def _number(rng: random.Random) -> Any:
    return rng.choice([0, -1, 2**31, 2**63, 2**200, 1e308, True, None, "1", [], {}, 0.5, *NAMES])


def _project(rng: random.Random) -> bytes:
    image = {
        "id": "a",
        "path": rng.choice(NAMES),
        "name": rng.choice(NAMES),
        "stem": rng.choice(NAMES),
        "height": 48,
        "width": 60,
        "channels": 1,
        "dtype": rng.choice(["uint8", "|O", *NAMES]),
        "pixel_size_um": None,
        "fingerprint": "",
        "split": "auto",
        "reviewed": False,
        "objects": 0,
        "marked": False,
        "predicted": rng.choice(["", *NAMES]),
    }
    if rng.random() < 0.5:
        image[rng.choice(list(image))] = _number(rng)
    content = {
        "schema_version": rng.choice([1, 1, 1, 2, 99, -1, _number(rng)]),
        "name": rng.choice(NAMES),
        "classes": [{"id": 1, "name": rng.choice(NAMES), "colour": rng.choice(["#ff0000", "url(//host/x)", "red"])}],
        "settings": {
            rng.choice(NAMES): pickled(rng).decode("latin1"),
            "__class__": "os.system",
            "left_labels": {"a": rng.choice(NAMES)},
        },
        "images": [image],
    }
    return json.dumps(content).encode()


def _card(rng: random.Random) -> bytes:
    content = {
        "format": "segstudio-model",
        "schema_version": 1,
        "name": rng.choice(NAMES),
        "created": "x",
        "in_channels": _number(rng),
        "formulation": {"name": rng.choice(NAMES), "settings": {"a": pickled(rng).decode("latin1")}},
        "architecture": {"name": rng.choice(NAMES), "settings": {}},
        "channels": "gray",
        "classes": [{"id": _number(rng), "name": rng.choice(NAMES)}],
    }
    return json.dumps(content).encode()


def _weights(rng: random.Random) -> bytes:
    header = rng.choice(
        [
            {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 2**63]}},
            {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 24]}},
            {"a": {"dtype": "F32", "shape": [-2, -3], "data_offsets": [24, 0]}},
            {"a": {"dtype": rng.choice(NAMES), "shape": [2, 3], "data_offsets": [0, 24]}},
            {name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} for name in NAMES},
            {"__metadata__": {"format": pickled(rng).decode("latin1")}},
        ]
    )
    text = json.dumps(header).encode()
    size = rng.choice([len(text), 2**63, 2**32, 0, len(text) - 1])
    return rng.choice([struct.pack("<Q", size) + text + bytes(24), pickled(rng), _zip(rng, "a/data.pkl", "a/data/0")])


def _members(rng: random.Random) -> bytes:
    many = [f"{number}.npy" for number in range(20_000)] if rng.random() < 0.05 else []
    return _zip(rng, *rng.sample([name.replace("\0", "") or "a" for name in NAMES[:12]], 3), "masks.npy", *many)


_MAKERS: dict[str, list[Callable[[random.Random], bytes]]] = {
    "npy": [_object_npy, _lying_npy, pickled],
    "npz": [_members, _bomb, lambda rng: _zip(rng, "a/data.pkl", "a/data/0", "a/version")],
    "tiff": [_lying_tiff, pickled, _object_npy, lambda rng: _zip(rng, "a/data.pkl")],
    "ome": [_ome],
    "png": [_png, pickled],
    "gif": [_other_picture],
    "seg": [_object_npy, _lying_npy, pickled],
    "project": [_project, pickled],
    "objects": [_project, pickled, lambda rng: b"[" * rng.randrange(9, 200_000)],
    "labels": [_lying_tiff, pickled, _object_npy],
    "journal": [pickled, _lying_tiff],
    "job": [_card, pickled, _project],
    "events": [lambda rng: pickled(rng) + b"\n" + _card(rng) + b"\n", lambda rng: b"[" * 100_000 + b"\n"],
    "card": [_card, pickled, lambda rng: b'{"a":' * rng.randrange(9, 200_000)],
    "safetensors": [_weights],
}
KINDS = tuple(_MAKERS)


def hostile(kind: str, number: int) -> bytes:
    """Return one hostile file; the same number gives the same file."""
    rng = random.Random(f"{kind}-{number}")
    makers = _MAKERS[kind]
    return makers[number % len(makers)](rng)
