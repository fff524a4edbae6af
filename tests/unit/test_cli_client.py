"""What the command line says of answers it can't use: always a sentence, never a traceback."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli.client import Api
from app.cli.target import CommandError, find_target

TARGET = find_target("http://127.0.0.1:8000/", "sk_secret", sandbox=False)


def answering(answer: httpx.Response | httpx.HTTPError) -> Api:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer

    return Api(TARGET, httpx.MockTransport(handle))


def graphql(**answer: Any) -> httpx.Response:
    return httpx.Response(200, json=answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.ConnectError("refused"), "No server answers at http://127.0.0.1:8000. Is `billgraph serve` running"),
        (httpx.ConnectError("[SSL: X] wrong version"), "No safe connection to http://127.0.0.1:8000 can be made: [SSL"),
        (httpx.ReadTimeout("slow"), "did not answer within"),
        (httpx.RemoteProtocolError("cut"), "The connection to http://127.0.0.1:8000 broke off: cut."),
        (httpx.ReadError(""), "broke off: ReadError."),
        (httpx.Response(401, json={"errors": [{"message": "A key is needed"}]}), "does not take this API key"),
        (httpx.Response(403, json={"message": "no scope", "code": "FORBIDDEN"}), "may not do this: no scope"),
        (httpx.Response(404, text="<html>"), "is not Billgraph's API: it sent 404 and text/plain"),
        (httpx.Response(307, headers={"location": "/x"}), "it sent 307 and no content type"),
        (httpx.Response(200, text="hello"), "is not Billgraph's API"),
        (httpx.Response(200, json=[1]), "is not Billgraph's API"),
        (httpx.Response(200, json={"data": None}), "is not Billgraph's API"),
        (graphql(errors=["Not found"]), "is not Billgraph's API"),
        (graphql(errors=[{"message": "x", "extensions": None}]), "x"),
        (graphql(data={"merchant": None}), "is not Billgraph's API"),
        (graphql(data={}), "is not Billgraph's API"),
        (httpx.Response(404, json={"message": "Not Found", "errors": None}), "answered 404: Not Found"),
        (httpx.Response(422, json={"message": "I", "errors": ["bad"]}), "answered 422: I"),
        (httpx.Response(413, json={"message": "Too large."}), "Too large. Set BILLGRAPH_MAX_GRAPHQL_BODY there"),
        (httpx.DecodingError("gzip"), "is not Billgraph's API: it sent an answer whose compression is broken"),
        (httpx.Response(503, json={"errors": [{"message": "Try again."}]}), "answered 503: Try again."),
        (graphql(errors=[{"message": "one"}, {"message": "two"}]), "one; two"),
        (graphql(errors=[{"message": "needs x", "extensions": {"code": "FORBIDDEN"}}]), "may not do this: needs x"),
    ],
)
def test_an_answer_that_is_none_is_explained(answer: httpx.Response | httpx.HTTPError, sentence: str) -> None:
    with answering(answer) as api, pytest.raises(CommandError) as refused:
        api.run("{ merchant { id } }")
    assert sentence in str(refused.value)
    assert "sk_secret" not in str(refused.value)


def test_a_refused_input_is_explained_field_by_field() -> None:
    errors = [{"field": "name", "message": "Must be given."}, {"field": None, "message": "Too much."}]
    with answering(graphql(data={"a": {"userErrors": errors}, "b": {"userErrors": []}})) as api:
        with pytest.raises(CommandError) as refused:
            api.change("mutation { a }")
        assert str(refused.value) == "name: Must be given.\nToo much."


def test_a_refused_event_names_its_fields() -> None:
    errors = [{"field": "type", "message": "Must be given.", "code": "BLANK"}]
    answer = httpx.Response(400, json={"message": "The event has invalid fields.", "errors": errors})
    with answering(answer) as api, pytest.raises(CommandError, match=r"answered 400: type: Must be given\.$"):
        api.post_event({})


@pytest.mark.parametrize("number", ["1.2E+101", "1E-102", "9" * 99 + "e100", "-1.5e-199", "7" * 300])
def test_numbers_beyond_the_bounds_of_input_are_read(number: str) -> None:
    with answering(httpx.Response(200, text=f'{{"data": {{"n": {number}}}}}')) as api:
        assert str(api.run("{ n }")["n"]) == str(Decimal(number) if "e" in number.lower() else int(number))


@pytest.mark.parametrize("number", ["9" * 5000, "1e" + "9" * 30, "NaN"])
def test_numbers_that_nobody_can_read_are_explained(number: str) -> None:
    answer = httpx.Response(200, text=f'{{"data": {{"n": {number}}}}}')
    with answering(answer) as api, pytest.raises(CommandError, match="is not Billgraph's API"):
        api.run("{ n }")


def test_a_request_carries_the_key_to_its_environment_and_numbers_keep_their_digits() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text='{"data": {"n": 0.10000000000000000000000001}}')

    with Api(find_target("https://a.example/x/", "sk_1", sandbox=True), httpx.MockTransport(handle)) as api:
        assert str(api.run("{ n }", a=1)["n"]) == "0.10000000000000000000000001"
    assert str(seen[0].url) == "https://a.example/x/sandbox/graphql"
    assert seen[0].headers["authorization"] == "Bearer sk_1"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "127.0.0.1:8000",
            "ftp://x",
            "http://",
            "http://[",
            "http://a b",
            "http://a:x",
            "http://a?b=c",
            "http://ä",
        ),
        *("http://1.2.3.999", "http://[v1.x]/", "http://a..b", f"http://{'a' * 64}.b", "http://xn--a"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match="--url must be"):
        find_target(url, "sk_1", sandbox=False)


def test_an_address_never_holds_a_password_that_is_shown() -> None:
    with pytest.raises(CommandError, match="no password") as refused:
        find_target("https://user:secret@a", "sk_1", sandbox=False)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["ftp://a", "http://a:x", "socks9://a:1"])
def test_a_proxy_that_is_none_is_explained(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(CommandError, match="ALL_PROXY"):
        Api(TARGET)


def test_certificates_that_are_not_there_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(CommandError, match="SSL_CERT_FILE"):
        Api(TARGET)


def test_a_key_is_asked_for_and_never_shown() -> None:
    with pytest.raises(CommandError, match="run where the server was started: billgraph keys create"):
        find_target("http://localhost:1", None, sandbox=False)
    with pytest.raises(CommandError, match="on the server's machine"):
        find_target("https://billing.example", "", sandbox=False)
    with pytest.raises(CommandError) as refused:
        find_target("https://billing.example", "sk_\n1", sandbox=False)
    assert "sk_\n1" not in str(refused.value)
    assert "sk_secret" not in repr(TARGET)
