"""Identifiers and secrets: the only source of randomness.

An id is a prefix, "_" and 128 bits as 26 characters of lower-case Crockford base 32 (no i, l, o, u), so that ids of one
prefix sort as the numbers do. New ids carry a UUIDv7 (RFC 9562), hence sort by creation; event ids are derived.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from functools import lru_cache

from uuid_utils import uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: What the secrets of customer tokens begin with.
CUSTOMER_TOKEN = "ct_"  # noqa: S105 - a prefix, no secret
ID_PATTERN = re.compile(r"([a-z]{2,5})_[0-7][0-9a-hjkmnp-tv-z]{25}", re.ASCII)


#: Two characters for each ten bits, as one look-up is quicker than two: every event's id is made so. A table for
#: fifteen bits would not stay in the processor's cache.
_PAIRS = [one + other for one in ALPHABET for other in ALPHABET]


def encode(number: int) -> str:
    """Return a 128-bit number as 26 characters of base 32, most significant first."""
    pairs, high, low = _PAIRS, number >> 60, number & (1 << 60) - 1
    return (
        f"{pairs[high >> 60]}{pairs[high >> 50 & 1023]}{pairs[high >> 40 & 1023]}{pairs[high >> 30 & 1023]}"
        f"{pairs[high >> 20 & 1023]}{pairs[high >> 10 & 1023]}{pairs[high & 1023]}{pairs[low >> 50]}"
        f"{pairs[low >> 40 & 1023]}{pairs[low >> 30 & 1023]}{pairs[low >> 20 & 1023]}{pairs[low >> 10 & 1023]}"
        f"{pairs[low & 1023]}"
    )


def new_id(prefix: str) -> str:
    """Return a fresh id that sorts after the ones made before it (to the millisecond)."""
    return f"{prefix}_{encode(uuid7().int)}"


def prefix_of(identifier: str) -> str | None:
    """Return the prefix of a well-formed id, or None where the text has not the form of one."""
    match = ID_PATTERN.fullmatch(identifier)
    return match.group(1) if match else None


def event_id(environment_id: str, idempotency_key: str) -> str:
    """Return the id of the event with this key: the same for every repeat, which needs no look-up to be answered."""
    return f"evt_{encode(int.from_bytes(_digest(_begun(environment_id), idempotency_key), 'big'))}"


def event_ids(environment_id: str, idempotency_keys: Sequence[str]) -> list[str]:
    """Return what `event_id` does for each of many keys, which are encoded together."""
    begun, found = _begun(environment_id), []
    for start in range(0, len(idempotency_keys), _AT_ONCE):
        digests = [_digest(begun, key) for key in idempotency_keys[start : start + _AT_ONCE]]
        # Each number gets a byte for each of its characters, then bits are moved until each byte has those of its own.
        spread = int.from_bytes(_ROOM + _ROOM.join(digests), "big")
        for moved, kept, places in _SPREADING:
            spread = (spread & moved) << places | spread & kept
        text = spread.to_bytes(_LENGTH * len(digests), "big").translate(_CHARACTERS).decode()
        found += ["evt_" + text[place : place + _LENGTH] for place in range(0, len(text), _LENGTH)]
    return found


def _digest(begun: "hashlib.blake2b", idempotency_key: str) -> bytes:
    key = idempotency_key.encode()
    hashing = begun.copy()
    hashing.update(len(key).to_bytes(4, "big") + key)
    return hashing.digest()


#: Ids that are encoded together, the characters of each, and the bytes that it needs beside those of its number.
_AT_ONCE = 50
_LENGTH = 26
_ROOM = bytes(_LENGTH - 16)
_CHARACTERS = ALPHABET.encode().ljust(256)


def _spreading() -> Iterator[tuple[int, int, int]]:
    """Yield the steps that halve runs of groups of five bits, until each has a byte: bits moved, bits kept, and how far
    they move.
    """
    for groups in (16, 8, 4, 2, 1):
        half = (1 << 5 * groups) - 1
        runs = range(0, 8 * _LENGTH, 16 * groups)
        kept = sum(half << run for run in runs)
        # What would lie beyond an id is the next one's.
        one = kept & (1 << 8 * _LENGTH) - 1, kept << 5 * groups & (1 << 8 * _LENGTH) - 1
        kept, moved = (sum(mask << 8 * _LENGTH * place for place in range(_AT_ONCE)) for mask in one)
        yield moved, kept, 3 * groups


_SPREADING = tuple(_spreading())


@lru_cache(maxsize=1024)
def _begun(environment_id: str) -> "hashlib.blake2b":
    """Return a hash that has taken in the first part behind its length: two parts can't be taken for two others."""
    encoded = environment_id.encode()
    return hashlib.blake2b(len(encoded).to_bytes(4, "big") + encoded, digest_size=16)


def new_idempotency_key() -> str:
    """Return a key for an event that came without one."""
    return encode(uuid7().int)


def new_secret() -> str:
    """Return an API key's secret: 256 random bits behind a prefix that secret scanners recognise."""
    return f"sk_{secrets.token_urlsafe(32)}"


def new_customer_token() -> str:
    """Return a customer token's secret: as hard to guess as a key's, and told from one by how it begins."""
    return f"{CUSTOMER_TOKEN}{secrets.token_urlsafe(32)}"


def new_page_secret() -> str:
    """Return what an environment signs its links with: 32 random bytes in hexadecimal."""
    return secrets.token_hex(32)


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret. SHA-256 suffices: 256 random bits can't be guessed, however cheap the hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def random_fraction() -> float:
    """Return a random number from 0 to 1, to keep apart those who would wait equally long."""
    return secrets.SystemRandom().random()
