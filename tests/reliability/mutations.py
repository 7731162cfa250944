"""Changes a whole file the way accidents and attackers do; the same seed gives the same file."""

import random
import re
import zlib

#: What programs stumble over.
_NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 64) - 1)
_WORDS = (
    "null", "true", "-1", "0", "1e308", "1e999", "-0.0", "NaN", "Infinity", "9" * 400, '"' + "a" * 70_000 + '"', '""',
    "[]", "{}", "[" * 2_000, '{"a":' * 2_000, '"\\u0000"', '"\\ud800"', '"../../etc/hostname"', '"/etc/hostname"',
    '"C:\\\\Windows\\\\a"', '"\\\\\\\\host\\\\share\\\\a"', '"<img src=x>"', '"=1+1"', "2147483648", "9007199254740993",
    '"\\u202e"', "\x00", "\ufeff", "'", ",", ":", "}", "]",
)  # fmt: skip
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}:,]')


def mutated(seeds: list[bytes], seed: str, *, is_text: bool) -> bytes:
    """Return a changed copy of one of `seeds`."""
    rng = random.Random(seed)
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if is_text and rng.random() < 0.8:
            data = bytearray(_text(rng, data.decode("utf-8", "replace")).encode("utf-8", "replace"))
        else:
            _bytes(rng, data, seeds)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.7:
        _mend_png(data)
    return bytes(data)


def _text(rng: random.Random, text: str) -> str:
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return text + rng.choice(_WORDS)
    match = rng.choice(tokens)
    new = rng.choice((rng.choice(_WORDS), "", rng.choice(tokens).group(), match.group() * 2))
    return text[: match.start()] + new + text[match.end() :]


def _bytes(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    if not data:
        data += b"\0"
    # Headers and directories lie at the ends: most changes go there.
    spread = rng.choice((64, 400, len(data), len(data)))
    at = min(len(data) - 1, rng.randrange(spread))
    if rng.random() < 0.3:
        at = len(data) - 1 - at
    match rng.randrange(8):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.randrange(256)
        case 2 | 3:
            size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
            value = rng.choice(_NUMBERS) & ((1 << 8 * size) - 1)
            data[at : at + size] = value.to_bytes(size, order)  # type: ignore[arg-type]
        case 4:
            end = len(data) if rng.random() < 0.4 else at + rng.randrange(1, 64)
            del data[at:end]
        case 5:
            data[at:at] = data[max(0, at - rng.randrange(1, 200)) : at] or b"\xff"
        case 6:
            other = rng.choice(seeds)
            start = rng.randrange(max(1, len(other)))
            data[at : at + 40] = other[start : start + rng.randrange(1, 120)]
        case 7:
            data[at : at + rng.randrange(1, 32)] = bytes([rng.choice((0, 255))]) * rng.randrange(1, 32)


def _mend_png(data: bytearray) -> None:
    """Give the chunks right checksums: otherwise nothing behind the first check is ever reached."""
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(data):
            return
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
