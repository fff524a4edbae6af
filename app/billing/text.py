"""Texts that users write: names, keys, references, metadata."""

import re
import unicodedata

from app.billing.errors import ErrorCode, Problems

MAX_NAME_LENGTH = 255
MAX_TEXT_LENGTH = 2000
MAX_KEY_LENGTH = 64
MAX_METADATA_ENTRIES = 50
MAX_METADATA_KEY_LENGTH = 64
MAX_METADATA_VALUE_LENGTH = 500

_KEY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
# An id and a key are accepted in the same place, so no key may read as an id.
_LOOKS_LIKE_ID = re.compile(r"[a-z]+_[a-z0-9]{26}")
_EXTERNAL_ID = re.compile(r"[a-zA-Z0-9_-]+")
# They reorder what follows on the screen, so that an invoice shows something else than it holds (UAX 9).
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def text_problem(value: str) -> str | None:
    """Return a sentence on the first character that no text may hold, or None.

    Refused are NUL (PostgreSQL can't store it), lone surrogates (UTF-8 can't write them), control characters other
    than line feed and tab, and characters that override the direction of writing.
    """
    if value.isprintable():
        return None
    for character in value:
        category = unicodedata.category(character)
        if category == "Cs":
            return "Must not contain half of a surrogate pair."
        if character in _BIDI_CONTROLS:
            return "Must not contain characters that change the direction of writing."
        if category == "Cc" and character not in "\n\t":
            return f"Must not contain the control character U+{ord(character):04X}."
    return None


def check_name(problems: Problems, field: str, value: str, max_length: int = MAX_NAME_LENGTH) -> None:
    """Note a problem if a text that is needed is blank, too long or holds characters that no text may."""
    if not value.strip():
        problems.add(ErrorCode.BLANK, field, "Must not be blank.")
    else:
        check_optional_text(problems, field, value, max_length)


def check_optional_text(problems: Problems, field: str, value: str | None, max_length: int = MAX_TEXT_LENGTH) -> None:
    """Note a problem if a text is too long or holds characters that no text may; None and blanks are fine."""
    if value is None:
        return
    if len(value) > max_length:
        problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {max_length} characters.")
    elif (problem := text_problem(value)) is not None:
        problems.add(ErrorCode.INVALID, field, problem)


def check_key(problems: Problems, field: str, value: str | None) -> None:
    """Note a problem if a catalog key is not a slug of at most 64 characters, or reads as an id; None is fine."""
    if value is None:
        return
    if not value:
        problems.add(ErrorCode.BLANK, field, "Must not be blank.")
    elif len(value) > MAX_KEY_LENGTH:
        problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {MAX_KEY_LENGTH} characters.")
    elif _KEY.fullmatch(value) is None:
        message = "Must be lower-case letters and digits, in parts joined by a point, hyphen or underscore."
        problems.add(ErrorCode.INVALID, field, message)
    elif _LOOKS_LIKE_ID.fullmatch(value) is not None:
        problems.add(ErrorCode.INVALID, field, "Must not look like an id.")


def is_external_id(value: str) -> bool:
    """Tell whether a text consists of what external ids may hold; its length is not looked at."""
    return _EXTERNAL_ID.fullmatch(value) is not None


def check_external_id(problems: Problems, field: str, value: str | None) -> None:
    """Note a problem if a merchant's own id has other characters than letters, digits, _ and -, or more than 255."""
    if value is None:
        return
    if not value:
        problems.add(ErrorCode.BLANK, field, "Must not be blank.")
    elif len(value) > MAX_NAME_LENGTH:
        problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {MAX_NAME_LENGTH} characters.")
    elif _EXTERNAL_ID.fullmatch(value) is None:
        problems.add(ErrorCode.INVALID, field, "Must be letters, digits, underscores and hyphens.")


def check_metadata(problems: Problems, field: str, value: object) -> None:
    """Note the problems of metadata: an object of at most 50 strings, keys up to 64 and values up to 500 characters."""
    if not isinstance(value, dict):
        problems.add(ErrorCode.INVALID, field, "Must be an object with strings as values.")
        return
    if len(value) > MAX_METADATA_ENTRIES:
        problems.add(ErrorCode.OUT_OF_RANGE, field, f"Must have at most {MAX_METADATA_ENTRIES} entries.")
        return
    for key, entry in value.items():
        if not isinstance(key, str) or not key.strip() or len(key) > MAX_METADATA_KEY_LENGTH or text_problem(key):
            # The key is not repeated in the path, as it may hold anything.
            message = f"Keys must be plain text of 1 to {MAX_METADATA_KEY_LENGTH} characters."
            problems.add(ErrorCode.INVALID, field, message)
        elif not isinstance(entry, str):
            problems.add(ErrorCode.INVALID, f"{field}.{key}", "Must be a string.")
        else:
            check_optional_text(problems, f"{field}.{key}", entry, MAX_METADATA_VALUE_LENGTH)
