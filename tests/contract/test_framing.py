"""Requests whose end, target or addressee could be read in two ways: each is refused, and none reaches the application.

All carry a valid key and an event, so that one that got through would be stored.
"""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.raw_http import tell
from tests.support.server import Server, serve

EVENT = json.dumps({"type": "call", "source": "s", "externalSubject": "acme", "data": {"n": 1}}).encode()
LENGTH = b"Content-Length: %d" % len(EVENT)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)
HOST = b"Host: 127.0.0.1"
LINE = b"POST /v0/events HTTP/1.1"
KEY = b"sk_KEY"


def request(
    *headers: bytes, line: bytes = LINE, host: bytes = HOST, body: bytes = EVENT, end: bytes = b"\r\n"
) -> bytes:
    always = (line, host, b"Authorization: Bearer " + KEY, b"Content-Type: application/json")
    return end.join([*(part for part in always if part), *headers, b"", b""]) + body


def to(target: bytes, method: bytes = b"POST", version: bytes = b"HTTP/1.1") -> bytes:
    return request(LENGTH, line=b" ".join([method, target, version]))


SMUGGLED = request(LENGTH, line=b"POST /sandbox/v0/events HTTP/1.1")
H2C = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAA")
REFUSED = {
    # where the body ends
    "content-length twice": request(LENGTH, LENGTH),
    "two content-lengths": request(LENGTH, b"Content-Length: 1"),
    "a list of content-lengths": request(LENGTH + b", %d" % len(EVENT)),
    "content-length with a plus": request(b"Content-Length: +%d" % len(EVENT)),
    "content-length below zero": request(b"Content-Length: -1"),
    "content-length in hexadecimal": request(b"Content-Length: 0x%x" % len(EVENT)),
    "content-length beyond 64 bits": request(b"Content-Length: 99999999999999999999999"),
    "content-length of nothing": request(b"Content-Length: "),
    "content-length with a fraction": request(b"Content-Length: %d.0" % len(EVENT)),
    "content-length and chunks": request(LENGTH, CHUNKED, body=CHUNKS),
    "chunks and content-length": request(CHUNKED, b"Content-Length: 5", body=CHUNKS + SMUGGLED),
    "chunked twice": request(CHUNKED, CHUNKED, body=CHUNKS),
    "chunked in a list": request(b"Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "another coding as well": request(b"Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "another coding afterwards": request(b"Transfer-Encoding: chunked, identity", body=CHUNKS),
    "identity": request(b"Transfer-Encoding: identity", LENGTH),
    "a coding like chunked": request(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "chunked behind a vertical tab": request(b"Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "a space in front of the colon": request(b"Transfer-Encoding : chunked", body=CHUNKS),
    "content-length with a space": request(b"Content-Length : %d" % len(EVENT)),
    "a chunk of no size": request(CHUNKED, body=b"xyz\r\n\r\n"),
    "a chunk below zero": request(CHUNKED, body=b"-1\r\n\r\n"),
    "a chunk with 0x": request(CHUNKED, body=b"0x%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)),
    "a chunk beyond 64 bits": request(CHUNKED, body=b"fffffffffffffffff\r\n" + EVENT),
    "a chunk longer than its size": request(CHUNKED, body=b"1\r\n%b\r\n0\r\n\r\n" % EVENT),
    "chunks with bare line feeds": request(CHUNKED, body=b"%x\n%b\n0\n\n" % (len(EVENT), EVENT)),
    "a line feed in an extension": request(CHUNKED, body=b"%x;a\nb\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)),
    "chunks in HTTP/1.0": request(CHUNKED, line=b"POST /v0/events HTTP/1.0", body=CHUNKS),
    # what the headers are
    "a folded header": request(b"X-Folded: a\r\n b", LENGTH),
    "a folded content-length": request(b"Content-Length:\r\n %d" % len(EVENT)),
    "NUL in a value": request(b"X-A: a\0b", LENGTH),
    "NUL in a name": request(b"X\0A: a", LENGTH),
    "a bare carriage return": request(b"X-A: a\rX-B: b", LENGTH),
    "lines of line feeds": request(LENGTH, end=b"\n"),
    "lines of carriage returns": request(LENGTH, end=b"\r"),
    "a space in a name": request(b"X A: a", LENGTH),
    "a first header that is indented": request(LENGTH, host=b" Host: 127.0.0.1"),
    "no name": request(b": a", LENGTH),
    "no colon": request(b"nonsense", LENGTH),
    "10,000 headers": request(*(b"X-%d: a" % number for number in range(10_000)), LENGTH),
    "101 headers": request(*(b"X-%d: a" % number for number in range(97)), LENGTH),
    "a header of a megabyte": request(b"X-A: " + b"a" * 2**20, LENGTH),
    "a header without an end": request(b"X-A: ", body=b"a" * 2**20),
    "40 KiB of headers": request(*(b"X-%d: " % number + b"a" * 1024 for number in range(40)), LENGTH),
    # to whom it goes
    "no host": request(LENGTH, host=b""),
    "two hosts": request(b"Host: evil.example", LENGTH),
    "the same host twice": request(HOST, LENGTH),
    "a host with a path": request(LENGTH, host=b"Host: 127.0.0.1/sandbox"),
    "a host with a user": request(LENGTH, host=b"Host: a@evil.example"),
    "two hosts in one": request(LENGTH, host=b"Host: a, b"),
    "a host with a fragment": request(LENGTH, host=b"Host: evil.example#"),
    "a port of letters": request(LENGTH, host=b"Host: a:b"),
    "a whole address": to(b"http://evil.example/v0/events"),
    "a whole address of here": to(b"http://127.0.0.1/v0/events"),
    "an authority": to(b"127.0.0.1:80", b"CONNECT"),
    "a path to connect to": to(b"/v0/events", b"CONNECT"),
    "a star": to(b"*", b"OPTIONS"),
    "no slash": to(b"v0/events"),
    "a backslash": to(b"\\v0\\events"),
    "a fragment": to(b"/v0/events#a"),
    "an escaped slash": to(b"/sandbox%2fv0/events"),
    "an escaped backslash": to(b"/sandbox%5Cv0/events"),
    "an escaped NUL": to(b"/v0/events%00"),
    "an escaped line feed": to(b"/v0/events%0a"),
    "an escape that is none": to(b"/v0/events%zz"),
    "a byte beyond ASCII": to(b"/v0/events\xff"),
    "NUL in the target": to(b"/v0/events\0"),
    "an address of 16 KiB": to(b"/v0/events?" + b"a" * 2**14),
    "an address of two megabytes": to(b"/v0/events?" + b"a" * 2**21),
    # which protocol it is
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/0.9 by name": to(b"/v0/events", version=b"HTTP/0.9"),
    "HTTP/1.2": to(b"/v0/events", version=b"HTTP/1.2"),
    "HTTP/2.0": to(b"/v0/events", version=b"HTTP/2.0"),
    "HTTP/1.1 and more": to(b"/v0/events", version=b"HTTP/1.1x"),
    "http in lower case": to(b"/v0/events", version=b"http/1.1"),
    "a method in lower case": to(b"/v0/events", b"post"),
    "no method that exists": to(b"/v0/events", b"POSTS"),
    "tabs in the line": request(LENGTH, line=b"POST\t/v0/events\tHTTP/1.1"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + EVENT,
    "line ends without a request": b"\r\n" * 200_000,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('framing')}/billgraph.db") as server:
        yield server


def stored(server: Server) -> int:
    answer = httpx.get(f"{server.base}/metrics").text
    return int(float(answer.partition("\nbillgraph_events_accepted_total ")[2].split()[0]))


def test_what_can_be_read_in_two_ways_is_not_read_at_all(server: Server) -> None:
    before = stored(server)
    for name, sent in REFUSED.items():
        heard = tell(server, sent.replace(KEY, server.key.encode()))
        assert heard.is_closed, name
        assert heard.seconds < 2, name
        assert len(heard.statuses) <= 1, name
        assert not heard.answer or heard.statuses[0] in {400, 413, 414, 431}, (name, heard.answer)
        if heard.answer:
            head, _, body = heard.answer.partition(b"\r\n\r\n")
            assert set(json.loads(body)) == {"error", "message", "code"}, name
            assert b"nosniff" in head, name
    assert stored(server) == before


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (request(LENGTH), [202]),
        (request(CHUNKED, body=CHUNKS), [202]),
        (request(CHUNKED, body=b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)), [202]),
        (b"\r\n\r\n" + request(LENGTH), [202]),
        (request(LENGTH, host=b"Host: [::1]:8000"), [202]),
        (request(LENGTH, host=b"", line=b"POST /v0/events HTTP/1.0"), [202]),
        (request(*H2C, line=b"GET /healthz HTTP/1.1", body=request(LENGTH)), [200, 202]),
        # An offer with a body, as Java's client makes it, is declined, and the body is read where it is.
        (request(*H2C, LENGTH) * 2, [202, 202]),
        (request(*H2C, CHUNKED, body=CHUNKS) + request(LENGTH), [202, 202]),
        (request(*H2C, b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), [400]),
        (request(b"Upgrade: h2c", b"Connection: close, upgrade", LENGTH) * 2, [202]),
        (request(b"X-A: \xff", LENGTH), [202]),
        (request(LENGTH) * 5, [202] * 5),
        # Whole requests in front of one that is none are answered, in their order, and it is the end.
        (request(LENGTH) * 2 + b"nonsense\r\n\r\n", [202, 202]),
        (request(LENGTH) + request(CHUNKED, body=b"xyz\r\n\r\n"), [202]),
        # More than a client may send ahead.
        (request(LENGTH) * 100, [202] * 17),
        (request(b"Expect: 100-continue", LENGTH), [100, 202]),
        # What follows the body is no header: neither a key nor a type.
        (
            request(CHUNKED, body=CHUNKS[:-2] + b"Authorization: Bearer " + KEY + b"\r\n\r\n").replace(
                b"Authorization: Bearer " + KEY + b"\r\n", b"", 1
            ),
            [401],
        ),
        # A body belongs to its request even where nobody wants one.
        (request(LENGTH, line=b"GET /healthz HTTP/1.1") + request(LENGTH), [200, 202]),
        (request(CHUNKED, line=b"GET /healthz HTTP/1.1", body=CHUNKS) + request(LENGTH), [200, 202]),
        (request(b"Content-Length: %d" % len(SMUGGLED), line=b"GET /healthz HTTP/1.1", body=SMUGGLED), [200]),
        (to(b"//v0/events"), [404]),
        (to(b"/v0/../v0/events"), [404]),
        (to(b"/v0/events/"), [404]),
        (to(b"/graphiql/" + b"a" * 5000, b"GET"), [404]),
    ],
)
def test_what_can_be_read_in_one_way_is_answered(server: Server, sent: bytes, statuses: list[int]) -> None:
    before = stored(server)
    heard = tell(server, sent.replace(KEY, server.key.encode()), answers=len(statuses))
    assert heard.statuses == statuses
    assert stored(server) == before + statuses.count(202)


@pytest.mark.parametrize("path", ["/graphql", "/sandbox/graphql", "/v0/events", "/healthz", "/graphiql/", "/none"])
def test_nobody_gets_a_websocket(server: Server, path: str) -> None:
    offer = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    heard = tell(server, request(*offer, key, line=b"GET %b HTTP/1.1" % path.encode(), body=b""), answers=1)
    assert 101 not in heard.statuses
    assert len(heard.statuses) == 1


def test_a_body_that_nobody_wants_is_not_read_without_end(server: Server) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    heard = tell(server, request(CHUNKED, line=b"GET /healthz HTTP/1.1", body=piece * 200))
    assert heard.is_closed
    declared = tell(server, request(b"Content-Length: 999999999999", line=b"GET /healthz HTTP/1.1", body=b"x"), 12)
    assert (declared.statuses, declared.is_closed) == ([200], True)
