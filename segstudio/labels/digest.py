"""A fast 64-bit fingerprint of one tile: tells two states of a tile apart, and finds damaged bits."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bytes of a digest.
DIGEST_SIZE = 8


def tile_digest(values: NDArray[Any] | None) -> bytes:
    """Return the digest of a tile; all zeros, and ``None`` for a missing tile, give eight zero bytes.

    The bytes are read as 64-bit words ``x``, each folded once (``x ^ x >> 32``, so that differences in high
    bits reach low ones), and summed with one odd pseudo-random weight per position, modulo 2**64: multilinear
    hashing (Carter and Wegman, 1979). Every single flipped bit changes the result. About eight times as fast
    as BLAKE2b; it guards against accidents, not against forgery.
    """
    if values is None:
        return bytes(DIGEST_SIZE)
    raw = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    if raw.size % DIGEST_SIZE:
        raw = np.pad(raw, (0, -raw.size % DIGEST_SIZE))
    words = raw.view("<u8").astype(np.uint64, copy=False)
    total = np.dot(words ^ (words >> np.uint64(32)), _weights(words.size))
    return int(total).to_bytes(DIGEST_SIZE, "little")


@lru_cache(maxsize=8)
def _weights(count: int) -> NDArray[np.uint64]:
    """Return `count` odd weights: SplitMix64 (Steele et al., 2014) of the position. Part of the file format."""
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state ^ (state >> np.uint64(31))) | np.uint64(1)
