"""Hostile documents and requests, made from a seed: floods, fan-outs, nesting, broken bytes, wrong ways of asking."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from starlette.types import ASGIApp, Message

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
PATHS = (
    "/graphql", "/sandbox/graphql", "/v0/events", "/v0/events/batch", "/v0/entitlements/consume",
    "/v0/entitlements/check", "/sandbox/v0/events", "/invoices/x", "/sandbox/invoices/x", "/healthz", "/readyz",
    "/metrics", "/", "/graphiql",
)  # fmt: skip
VALID = (
    "{ merchant { id name } }",
    "query A($id: ID!) { product(id: $id) { id name prices { nodes { id } } } }",
    'mutation { productCreate(input: { name: "x", metadata: { a: [1, 2.5, "y"] } }) { userErrors { code field } } }',
    "{ customers(first: 5) { nodes { ...C } pageInfo { endCursor } } } fragment C on Customer { id name }",
    "{ __schema { types { name fields { name } } } }",
)


@dataclass
class Hostile:
    """One request."""

    kind: str
    method: str = "POST"
    path: str = "/graphql"
    query: bytes = b""
    headers: Headers = field(default_factory=lambda: [JSON])
    pieces: Sequence[bytes] = ()
    type: str = "http"
    without_key: bool = False

    def __str__(self) -> str:
        body = b"".join(self.pieces)
        return (
            f"{self.kind}: {self.method} {self.path}?{self.query[:200]!r} {self.headers[:5]} {len(body)} {body[:300]!r}"
        )


def document(kind: str, text: str, **more: Any) -> Hostile:
    """Return the request of a document."""
    return Hostile(kind, pieces=[json.dumps({"query": text, **more}).encode()])


def chain(pieces: Sequence[str], middle: str, ends: Sequence[str]) -> str:
    """Return pieces around a middle, each closed by its end."""
    return "".join(pieces) + middle + "".join(reversed(ends))


# Documents.


def alias_flood(r: Random) -> str:
    field_name = r.choice(("merchant { id }", "__typename", "products { totalCount }", "catalogExport"))
    return "{ " + " ".join(f"a{number}: {field_name}" for number in range(r.randint(20, 900))) + " }"


def field_flood(r: Random) -> str:
    return "{ merchant { " + r.choice(("id ", "__typename ", "name id ")) * r.randint(50, 1500) + "} }"


def unknown_flood(r: Random) -> str:
    return "{ " + " ".join(f"nope{number}" for number in range(r.randint(20, 1800))) + " }"


def directive_flood(r: Random) -> str:
    name = r.choice(("include(if: true)", "skip(if: false)", "nope", "deprecated", "oneOf"))
    return "{ merchant " + f"@{name} " * r.randint(5, 400) + "{ id } }"


def fragment_flood(r: Random) -> str:
    count = r.randint(10, 250)
    spreads = " ".join(f"...F{number}" for number in range(count))
    return f"{{ {spreads} }} " + " ".join(f"fragment F{n} on Query {{ a{n}: merchant {{ id }} }}" for n in range(count))


def fan_out(r: Random) -> str:
    levels, wide = r.randint(5, 90), r.choice((2, 2, 3, 5))
    parts = [f"fragment F{n} on Query {{ {f'...F{n + 1} ' * wide} }}" for n in range(levels)]
    return "{ ...F0 } " + " ".join(parts) + f" fragment F{levels} on Query {{ merchant {{ id }} }}"


def fan_out_of_aliases(r: Random) -> str:
    levels = r.randint(3, 40)
    parts = [
        f"fragment F{n} on Customer {{ a{n}: subscriptions {{ nodes {{ customer {{ ...F{n + 1} }} }} }} ...F{n + 1} }}"
        for n in range(levels)
    ]
    return "{ customers { nodes { ...F0 } } } " + " ".join(parts) + f" fragment F{levels} on Customer {{ id }}"


def cycle(r: Random) -> str:
    count = r.randint(1, 60)
    return "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % count} }}" for n in range(count))


def deep_fields(r: Random) -> str:
    levels = r.randint(5, 160)
    step = "subscriptions { nodes { customer { "
    return chain(["{ customers { nodes { ", *[step] * levels], "id", ["} } }", *["} } } "] * levels])


def deep_inline(r: Random) -> str:
    levels = r.randint(10, 480)
    return chain(["{ ", *["... on Query { "] * levels], "merchant { id }", ["}", *["} "] * levels])


def deep_list(r: Random) -> str:
    levels = r.randint(10, 990)
    value = "[" * levels + "1" + "]" * r.choice((levels, levels, levels - 1))
    return (
        f'mutation {{ productCreate(input: {{ name: "x", metadata: {{ a: {value} }} }}) {{ userErrors {{ code }} }} }}'
    )


def deep_object(r: Random) -> str:
    levels = r.randint(10, 480)
    value = "{a: " * levels + "1" + "}" * levels
    return f'mutation {{ productCreate(input: {{ name: "x", metadata: {value} }}) {{ userErrors {{ code }} }} }}'


def deep_brackets(r: Random) -> str:
    return r.choice(("{ a ", "[", "(", "{ a(b: [", "query($a: [", "{a{")) * r.randint(100, 3000)


def huge_string(r: Random) -> str:
    size = r.randint(10_000, 150_000)
    text = r.choice(("x", "\\n", "🦓", '\\"', "\\u0041", "%", "'"))
    return f'{{ product(id: "{text * (size // len(text))}") {{ id }} }}'


def huge_block(r: Random) -> str:
    lines = "\n".join(" " * r.randint(0, 30) + "x" for _ in range(r.randint(100, 4000)))
    return f'{{ product(id: """{lines}""") {{ id }} }}'


def huge_number(r: Random) -> str:
    number = r.choice(("9", "1.", "-9", "1e", "1.5e-")) + "9" * r.randint(50, 20_000)
    return f"{{ products(first: {number}) {{ totalCount }} }}"


def huge_name(r: Random) -> str:
    name = r.choice("az_A") * r.randint(1000, 60_000)
    return (
        r.choice(("{ %s }", "query %s { merchant { id } }", "{ %s: merchant { id } }", "{ ...%s }", "{ a @%s }")) % name
    )


def many_operations(r: Random) -> str:
    same = r.random() < 0.5
    return " ".join(f"query Q{0 if same else n} {{ merchant {{ id }} }}" for n in range(r.randint(2, 300)))


def many_variables(r: Random) -> str:
    count = r.randint(20, 480)
    return f"query({' '.join(f'$v{n}: ID! = {n}' for n in range(count))}) {{ product(id: $v0) {{ id }} }}"


def overlapping(r: Random) -> str:
    """Fields of one name that may conflict, in pairs."""
    count = r.randint(10, 260)
    fields = " ".join(
        f"a: products(first: {n % 7}) {{ nodes {{ v: {r.choice(('id', 'name'))} }} }}" for n in range(count)
    )
    return f"{{ {fields} }}"


def overlapping_deep(r: Random) -> str:
    levels, wide = r.randint(2, 7), r.randint(2, 4)
    step = "a: subscriptions { nodes { customer { "
    inner = "id"
    for _ in range(levels):
        inner = f"{step}{inner} }} }} }} " * wide
        if len(inner) > 12_000:
            break
    return f"{{ customers {{ nodes {{ {inner} }} }} }}"


def introspection(r: Random) -> str:
    levels = r.randint(1, 60)
    kind = r.choice(("fields { type { %s } }", "ofType { %s }", "possibleTypes { fields { type { %s } } }"))
    inner = "name"
    for _ in range(levels):
        inner = kind % inner
    return f"{{ __schema {{ types {{ {inner} }} }} }}"


def comments(r: Random) -> str:
    return "# x\n" * r.randint(10, 20_000) + "{ merchant { id } }" + "," * r.randint(0, 5000)


def broken(r: Random) -> str:
    """A valid document, spoiled in a few places."""
    text = list(r.choice(VALID))
    for _ in range(r.randint(1, 6)):
        place = r.randrange(len(text))
        text[place] = r.choice(
            ("", "{", "}", "(", ")", ":", "$", "@", "...", "\u200b", "\u202e", "\ufeff", '"', "\\", "é")
        )
    return "".join(text)[: r.randint(1, 400)]


def schema_language(r: Random) -> str:
    parts = (
        "type A { a: Int }",
        "extend type Query { x: Int }",
        "directive @d on FIELD",
        "scalar S",
        "schema { query: Q }",
    )
    return " ".join(r.choices(parts, k=r.randint(1, 200)))


def wide_input(r: Random) -> str:
    values = ", ".join('"x"' for _ in range(r.randint(50, 900)))
    return r.choice(("{ nodes(ids: [%s]) { id } }", "{ products(filter: { keys: [%s] }) { totalCount } }")) % values


def repeated_arguments(r: Random) -> str:
    return "{ products(" + "first: 1, " * r.randint(2, 600) + ") { totalCount } }"


DOCUMENTS: tuple[Callable[[Random], str], ...] = (
    alias_flood, field_flood, unknown_flood, directive_flood, fragment_flood, fan_out, fan_out_of_aliases, cycle,
    deep_fields, deep_inline, deep_list, deep_object, deep_brackets, huge_string, huge_block, huge_number, huge_name,
    many_operations, many_variables, overlapping, overlapping_deep, introspection, comments, broken, broken, broken,
    schema_language, wide_input, repeated_arguments,
)  # fmt: skip


# Variables.


def variables(r: Random) -> Hostile:
    """A good document with bad variables."""
    name = r.choice(("deep", "long", "odd", "many", "reused"))
    text = "query($id: ID!) { product(id: $id) { id } }"
    if name == "deep":
        levels = r.randint(20, 4000)
        value = "[" * levels + "1" + "]" * levels
        return Hostile("variables deep", pieces=[f'{{"query":"{text}","variables":{{"id":{value}}}}}'.encode()])
    if name == "many":
        return document("variables many", text, variables={f"v{n}": n for n in range(r.randint(10, 3000))})
    if name == "long":
        return document("variables long", text, variables={"id": ["x"] * r.randint(100, 20_000)})
    if name == "reused":
        uses = " ".join(f"a{n}: nodes(ids: $ids) {{ id }}" for n in range(r.randint(2, 100)))
        listed = {"ids": [f"x{n}" for n in range(r.randint(10, 1200))]}
        return document("variables reused", f"query($ids: [ID!]!) {{ {uses} }}", variables=listed)
    odd = r.choice(
        (
            '"\\u0000"',
            '"\\ud800"',
            '"\\u202e"',
            "1e9999",
            "NaN",
            "-0",
            "9" * 5000,
            '{"a":1,"a":2}',
            '"%s"' % ("x" * 90_000),
        )
    )
    return Hostile("variables odd", pieces=[f'{{"query":"{text}","variables":{{"id":{odd}}}}}'.encode()])


# Requests.


def method(r: Random) -> Hostile:
    name = r.choice(
        ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "POST ", "X" * 300, "PROPFIND")
    )
    return Hostile("method", name, r.choice(PATHS), pieces=[document("", VALID[0]).pieces[0]])


def content_type(r: Random) -> Hostile:
    kinds = (
        b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x",
        b"", b"application/json;",
        b"application/json; charset=utf-7", b"\xff\xfe", b"application/json\x00", b"a" * 5000, b"application/graphql",
        b"application/json, text/plain", b'application/json; charset="utf-8', b";" * 2000,
    )  # fmt: skip
    headers = [(b"content-type", r.choice(kinds)) for _ in range(r.randint(1, 3))]
    return Hostile("content type", path=r.choice(PATHS), headers=headers, pieces=[document("", VALID[0]).pieces[0]])


def multipart(r: Random) -> Hostile:
    part = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{ merchant { id } }"}\r\n'
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    return Hostile("multipart", path=r.choice(PATHS), headers=headers, pieces=[part * r.randint(1, 200) + b"--x--"])


def encoding(r: Random) -> Hostile:
    name = r.choice((b"gzip", b"br", b"deflate", b"gzip, gzip", b"x" * 900, b"identity, gzip"))
    return Hostile(
        "encoding", path=r.choice(PATHS), headers=[JSON, (b"content-encoding", name)], pieces=[r.randbytes(500)]
    )


def doubled_headers(r: Random) -> Hostile:
    name, value = r.choice(
        (
            (b"content-type", b"text/plain"),
            (b"authorization", b"Bearer sk_x"),
            (b"content-length", b"5"),
            (b"host", b"evil"),
        )
    )
    return Hostile("doubled", path=r.choice(PATHS), headers=[JSON, (name, value), (name, value)], pieces=[b"{}"])


def odd_headers(r: Random) -> Hostile:
    name, value = r.choice((
        (b"accept", b"application/graphql-response+json;q=x"), (b"accept", b"*/*;q=" + b"9" * 400),
        (b"accept", b"," * 3000),
        (b"authorization", b"Bearer " + b"x" * 9000), (b"authorization", b"Basic \xff"),
        (b"authorization", r.randbytes(60)),
        (b"host", b"evil.example/../"), (b"x-forwarded-for", b"127.0.0.1"), (b"cookie", b"a=" + b"b" * 4000),
        (b"content-length", b"-1"), (b"content-length", b"9" * 40), (b"content-length", "٣".encode()),
        (b"content-length", b"0x10"), (b"origin", b"null"), (b"range", b"bytes=" + b"0-1," * 900),
        (b"upgrade", b"websocket"),
        (b"expect", b"100-continue"), (b"transfer-encoding", b"chunked"), (b"if-none-match", b"*"),
    ))  # fmt: skip
    return Hostile(
        "odd header", r.choice(("GET", "POST")), r.choice(PATHS), headers=[JSON, (name, value)], pieces=[b"{}"]
    )


def by_address(r: Random) -> Hostile:
    """GET: with mutations, broken escapes, deep variables, and names that repeat."""
    text = r.choice((
        b"query=" + quote_from_bytes(VALID[2].encode()).encode(), b"query=%7B", b"query=%ff%fe", b"query=%00", b"query",
        b"query=" + b"%7Ba" * r.randint(100, 2000), b"&" * 3000, b"=" * 3000, b"query=%7Bmerchant%7Bid%7D%7D&query=x",
        b"query=%7Bmerchant%7Bid%7D%7D&variables=" + b"%5B" * r.randint(50, 3000),
        b"variables=x&query=%7B__typename%7D",
        b"query=%7Bmerchant%7Bid%7D%7D&variables=NaN", b"query=%7Bmerchant%7Bid%7D%7D&extensions=5", b"%", b"\xff\xff",
        b"featureKey=%ed%a0%80&customerId=%00", b"featureKey=x&at=" + b"9" * 3000, b"featureKey[]=x&customerId=1",
        b"query=" + quote_from_bytes(deep_fields(r).encode()).encode()[:30_000],
    ))  # fmt: skip
    return Hostile("by address", r.choice(("GET", "GET", "HEAD")), r.choice(PATHS), text, headers=[])


def batch(r: Random) -> Hostile:
    one = {"query": r.choice(VALID)}
    return Hostile("batch", path=r.choice(PATHS), pieces=[json.dumps([one] * r.randint(1, 400)).encode()])


def bytes_of_chance(r: Random) -> Hostile:
    body = r.choice((r.randbytes(r.randint(0, 3000)), r.choice(BODIES), _spoiled(r)))
    return Hostile("bytes", path=r.choice(PATHS), pieces=[body], without_key=r.random() < 0.1)


def _spoiled(r: Random) -> bytes:
    body = bytearray(json.dumps({"query": r.choice(VALID), "variables": {"id": "x"}, "type": "t", "data": {}}).encode())
    for _ in range(r.randint(1, 5)):
        body[r.randrange(len(body))] = r.randrange(256)
    return bytes(body)


BODIES = (
    b"", b"5", b"null", b"true", b'"x"', b"[]", b"{}", b"[" * 100_000, b'{"a":' * 20_000, b"9" * 5000, b"1e999999999",
    b"\x1f\x8b\x08\x00\x00\x00", b"\x00" * 1000, b'{"query":"\\ud800"}', b'{"query":"\\u0000"}', b"\xef\xbb\xbf{}",
    b'{"query":' + b'"x' * 5000, b'{"a":1}' * 5000, b'{"query":"{a}","query":5}', b"{" + b'"k":1,' * 20_000 + b'"z":1}',
)  # fmt: skip


def in_pieces(r: Random) -> Hostile:
    piece = r.choice((b"[", b'{"a":', b" ", b"x", b"\xff"))
    return Hostile("in pieces", path=r.choice(PATHS), pieces=[piece * r.randint(1, 50)] * r.randint(50, 900))


def too_large(r: Random) -> Hostile:
    return Hostile("too large", path=r.choice(PATHS), pieces=[b" " * 65_536] * r.choice((2, 5, 70, 200)))


def address(r: Random) -> Hostile:
    path = r.choice((
        "/graphql/", "//graphql", "/graphql/../graphql", "/%2e%2e/etc/passwd",
        "/invoices/../../etc/passwd", "/\x00", "/é",
        "/invoices/" + "x" * 9000, "/invoices/org_x.inv_x.1.x", "/invoices/" + "." * 500,
        "/graphql;a=b", "/GRAPHQL", "*",
        "/v0/events/", "/v0/events/batch/batch", "/v0", "/sandbox", "/sandbox/sandbox/graphql",
        "/graphiql/../../app/main.py",
        "/docs", "/openapi.json", "/.env", "/metrics/x", "/" * 3000, "", "/graphiql/%00",
        "/graphiql/..%2f..%2fREADME.md",
    ))  # fmt: skip
    return Hostile("address", r.choice(("GET", "POST")), path, headers=[JSON], pieces=[b"{}"])


def websocket(r: Random) -> Hostile:
    headers = [
        (b"upgrade", b"websocket"),
        (b"sec-websocket-protocol", r.choice((b"graphql-ws", b"graphql-transport-ws", b"x"))),
    ]
    return Hostile("websocket", "GET", r.choice(PATHS), headers=headers, type="websocket")


def hidden(r: Random) -> Hostile:
    """A hostile document to the other addresses, and by a caller without a key."""
    made = document("without a key", r.choice(DOCUMENTS)(r))
    return Hostile("without a key", path=r.choice(PATHS), pieces=made.pieces, without_key=True)


REQUESTS: tuple[Callable[[Random], Hostile], ...] = (
    variables, variables, variables, method, content_type, multipart, encoding, doubled_headers,
    odd_headers, odd_headers,
    by_address, by_address, batch, bytes_of_chance, bytes_of_chance, bytes_of_chance, in_pieces,
    too_large, address, address,
    websocket, hidden,
)  # fmt: skip


def hostile(seed: int, count: int) -> Iterator[Hostile]:
    """Yield so many: documents and requests in turns, each kind as often as the others."""
    for number in range(count):
        r = Random(f"{seed} {number}")
        if number % 2:
            yield REQUESTS[number // 2 % len(REQUESTS)](r)
        else:
            make = DOCUMENTS[number // 2 % len(DOCUMENTS)]
            yield document(make.__name__.replace("_", " "), make(r))


async def send(app: ASGIApp, request: Hostile, secret: str) -> tuple[int, bytes]:
    """Send a request as a server would hand it over; return its status and answer, of a websocket 403 where refused."""
    headers = list(request.headers)
    if not request.without_key:
        headers.append((b"authorization", f"Bearer {secret}".encode()))
    scope = {
        "type": request.type, "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
        "scheme": "http", "path": request.path, "raw_path": request.path.encode(), "query_string": request.query,
        "root_path": "", "headers": headers, "client": ("192.0.2.1", 5), "server": ("test", 80), "subprotocols": [],
    }  # fmt: skip
    waiting: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": place < len(request.pieces) - 1}
        for place, piece in enumerate(request.pieces or [b""])
    ]
    if request.type == "websocket":
        waiting = [{"type": "websocket.connect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": f"{request.type}.disconnect", "code": 1000}

    async def take(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, take)
    if request.type == "websocket":
        return (403 if [one["type"] for one in sent] == ["websocket.close"] else 101), b""
    status = next(one["status"] for one in sent if one["type"] == "http.response.start")
    return status, b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
