"""Texts of any length in an index, which takes none of more than some kilobytes."""

import hashlib
from typing import Final

#: Characters up to which a text stands for itself.
LONGEST: Final = 200


def index_text(text: str) -> str:
    """Return a text that is equal for equal texts alone and fits an index: a long one is cut, with its hash behind it.

    The cut one is longer than any that stands for itself, so that the two are never taken for each other.
    """
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}#{hashlib.blake2b(text.encode(), digest_size=32).hexdigest()}"
