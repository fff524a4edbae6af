"""What looking up a key tells: no secret reaches the database, and a near miss costs what any other miss does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from app.ids import hash_secret
from tests.support.api import Api, make_api


@contextmanager
def statements() -> Iterator[list[tuple[str, str]]]:
    seen: list[tuple[str, str]] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        seen.append((statement, str(parameters)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def looked_up(api: Api, secret: str, status: int) -> list[tuple[str, str]]:
    stranger = Api(api.client, api.sessions, api.clock, secret, api.path)
    with statements() as seen:
        assert (await stranger.post({"query": "{ __typename }"})).status_code == status
    return [(statement, given) for statement, given in seen if "api_key" in statement]


async def test_only_the_hash_of_a_secret_is_looked_for(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.gql("{ __typename }")
        near, other = api.secret[:-1] + ("a" if api.secret[-1] != "a" else "b"), "sk_" + "x" * 43
        found: list[Any] = [
            await looked_up(api, secret, status) for secret, status in ((api.secret, 200), (near, 401), (other, 401))
        ]
        assert [len(seen) for seen in found] == [1, 1, 1]
        assert len({statement for [(statement, _)] in found}) == 1
        for secret, [(_, given)] in zip((api.secret, near, other), found, strict=True):
            assert hash_secret(secret) in given
            assert secret[3:20] not in given
