"""How every mutation runs: in transactions that are tried again when others were first, with refusals as answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

from app.attempts import until_won
from app.billing.access import Scope
from app.billing.errors import Refused, UserError
from app.context import Context
from app.schema.declarations import AnyKey
from app.schema.inputs import canonical
from app.services.idempotency import Outcome, hash_input, run_once
from app.services.principal import Principal

T = TypeVar("T")
D = TypeVar("D")
D_co = TypeVar("D_co", covariant=True)


class Repeatable(Protocol[D_co]):
    """An input that makes something once, however often it is sent."""

    idempotency_key: str | None

    def to_draft(self) -> D_co:
        """Return what is asked for."""
        ...


class Changing(Protocol):
    """An input that changes what its id or key names."""

    id: strawberry.ID

    def to_changes(self) -> dict[str, Any]:
        """Return what is to be changed."""
        ...


@dataclass(frozen=True)
class Call:
    """One call of a mutation."""

    context: Context
    operation: str

    @property
    def principal(self) -> Principal:
        """Who calls."""
        return self.context.principal

    def now(self) -> datetime:
        """Return the server's time."""
        return self.context.clock.now()

    async def transaction(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Do the work and commit it. Where another transaction was first, all of it is done again."""

        async def transaction() -> T:
            async with self.context.sessions.begin() as session:
                return await work(session)

        return await until_won(transaction)

    async def once(
        self, asked: Any, key: str | None, work: Callable[[AsyncSession, datetime], Awaitable[tuple[Any, ...]]]
    ) -> Outcome:
        """Do the work once for an idempotency key, whose repeats get the same objects."""
        done, _ = await self.once_and_read(asked, key, work, _nothing)
        return done

    async def once_and_read(
        self,
        asked: Any,
        key: str | None,
        work: Callable[[AsyncSession, datetime], Awaitable[tuple[Any, ...]]],
        read: Callable[[AsyncSession, datetime, tuple[Any, ...]], Awaitable[T]],
    ) -> tuple[Outcome, T]:
        """Do the same, and read in the same transaction what else is answered, given the objects.

        So who is told that the database is away knows that nothing was done.
        """
        input_hash = hash_input(self.principal.environment_id, self.operation, canonical(asked))

        async def run(session: AsyncSession) -> tuple[Outcome, T]:
            now = self.now()
            done = await run_once(session, self.principal, now, key, input_hash, lambda: work(session, now))
            return done, await read(session, now, done.rows)

        return await self.transaction(run)

    async def create(
        self, asked: Repeatable[D], service: Callable[[AsyncSession, Principal, datetime, D], Awaitable[Any]]
    ) -> Outcome:
        """Let a service create what an input asks for, once."""

        async def work(session: AsyncSession, now: datetime) -> tuple[Any, ...]:
            made = await service(session, self.principal, now, asked.to_draft())
            return made if isinstance(made, tuple) else (made,)

        return await self.once(asked, asked.idempotency_key, work)

    async def update(
        self, asked: Changing, service: Callable[[AsyncSession, Principal, str, Mapping[str, Any]], Awaitable[Any]]
    ) -> Any:
        """Let a service change what an input names, and return the row."""
        changes = asked.to_changes()
        return await self.transaction(lambda session: service(session, self.principal, asked.id, changes))


async def _nothing(_session: AsyncSession, _now: datetime, _rows: tuple[Any, ...]) -> None:
    """Read nothing."""


def mutation(description: str, *, access: Scope | AnyKey) -> Callable[[Callable[..., Any]], Any]:
    """Declare a mutation `(self, call, input) -> payload`. A refusal becomes a payload with its problems alone."""

    def declare(work: Callable[..., Any]) -> Any:
        asked, payload = work.__annotations__["input"], work.__annotations__["return"]

        async def resolve(info: Info[Context, None], input: Any) -> Any:
            try:
                return await work(None, Call(info.context, info.field_name), input)
            except Refused as refused:
                return payload(user_errors=in_input_order(asked, refused.errors))
            finally:
                info.context.forget()

        asked_for: Any = Annotated[asked, strawberry.argument(description="What is asked for.")]
        resolve.__annotations__ = {"info": Info[Context, None], "input": asked_for, "return": payload}
        return strawberry.mutation(resolver=resolve, description=description, metadata={"access": access})

    return declare


def in_input_order(asked: Any, errors: Sequence[UserError]) -> list[UserError]:
    """Return problems in the order of the input's fields; what concerns none of them comes last."""
    names = [item.graphql_name or item.name for item in asked.__strawberry_definition__.fields]
    places = {name.replace("_", "").lower(): place for place, name in enumerate(names)}

    def place(error: UserError) -> int:
        return places.get((error.field or "").partition(".")[0].lower(), len(places))

    return sorted(errors, key=place)
