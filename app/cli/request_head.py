"""What the head of a request must be like, beyond what the parser asks (RFC 9112): one reading of it, or none."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from app.cli import turned_away
from app.cli.limits import Limits

Header = tuple[bytes, bytes]
_FRAMING: Final = (b"content-length", b"transfer-encoding")
_ONCE: Final = (b"host", *_FRAMING)
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
#: Escapes that a proxy in front may leave as they are, so that its rules see another path than the router does.
_MISLEADING: Final = re.compile(rb"%(?:2f|5c|[01][0-9a-f]|7f)|%(?![0-9a-f]{2})", re.IGNORECASE)


def check_target(target: bytes, limits: Limits) -> None:
    """Raise TurnedAway unless a request's target is a path. Whole addresses are for proxies, which this is none."""
    if len(target) > limits.target_bytes:
        raise turned_away.long_target(limits)
    if target[:1] != b"/" or b"#" in target:
        raise turned_away.malformed()
    if b"%" in target and _MISLEADING.search(target.partition(b"?")[0]):
        raise turned_away.malformed()


def check_headers(version: str, headers: Sequence[Header], known_host: bytes | None) -> Mapping[bytes, bytes]:
    """Return the headers of a request by name. Its host is not looked at again where it is the one of the last.

    Raises TurnedAway for what says in two ways to whom the request goes or where its body ends, or in an odd way.
    """
    given = dict(headers)
    if len(given) != len(headers):  # some may come twice, but not these
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in _ONCE):
            raise turned_away.malformed()
    coding = given.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or b"content-length" in given or version == "1.0"):
        raise turned_away.malformed()
    host = given.get(b"host", b"" if version == "1.0" else None)
    if host is None or (host and host != known_host and _HOST.fullmatch(host) is None):
        raise turned_away.malformed()
    return given


def has_body(headers: Sequence[Header]) -> bool:
    """Tell whether a request says where its body ends."""
    return any(name in _FRAMING for name, _ in headers)


def without_upgrade(method: bytes, target: bytes, version: str, headers: Sequence[Header]) -> bytes:
    """Return the head of a request without its offer of another protocol, which some clients make with every first
    request and whose body the parser would take for a next one.
    """
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers:
        if name == b"connection":
            options = [option for option in value.split(b",") if option.strip().lower() != b"upgrade"]
            lines.append(b"connection: " + b",".join(options))
        elif name != b"upgrade":
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"", b""])


def check_size(headers: Sequence[Header], limits: Limits) -> None:
    """Raise TurnedAway for a head that came in one piece and is larger than it may be."""
    if sum([len(name) + len(value) for name, value in headers]) > limits.head_bytes:
        raise turned_away.large_head(limits)
