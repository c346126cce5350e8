"""Random numbers that belong to a key: the same seed, purpose and key give the same number, whatever else is drawn."""

import zlib

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashed(seed: int, purpose: str, keys: Integers) -> NDArray[np.uint64]:
    """64 bits for each key, by the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""
    salt = np.uint64((zlib.crc32(purpose.encode()) << 32) ^ (seed & 0xFFFFFFFFFFFF))
    with np.errstate(over="ignore"):
        bits = _mixed(np.asarray(keys).astype(np.uint64) * _GOLDEN + _mixed(np.atleast_1d(salt * _GOLDEN)))
        return _mixed(bits + _GOLDEN)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return bits ^ (bits >> np.uint64(31))


def uniform(seed: int, purpose: str, keys: Integers) -> Numbers:
    """A number in [0, 1) for each key."""
    return (hashed(seed, purpose, keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(seed: int, purpose: str, keys: Integers, limit: int) -> Integers:
    """A whole number in [0, limit) for each key."""
    return (uniform(seed, purpose, keys) * limit).astype(np.int64)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for one purpose, so that a change elsewhere does not shift its numbers."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def scattered(count: int, low: int, high: int, seed: int, purpose: str) -> Integers:
    """`count` different whole numbers in [low, high), in no visible order: a walk by a step that shares no factor with the range."""
    span = high - low
    start = int(hashed(seed, purpose, np.array([0]))[0] % np.uint64(span))
    step = int(span * 0.6180339887) | 1
    while np.gcd(step, span) != 1:
        step += 2
    # Python's own whole numbers do not overflow in the product; numpy's would beyond 2 ** 63.
    if span.bit_length() + count.bit_length() >= 63:
        return np.array([low + (start + index * step) % span for index in range(count)], dtype=np.int64)
    return low + (start + np.arange(count, dtype=np.int64) * step) % span
