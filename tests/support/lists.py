"""The lists of the API: for every noun its root connection, its rows, and what its filter compares."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, get_named_type
from sqlmodel import SQLModel
from strawberry.utils.str_converters import to_camel_case

from app.graphql import schema
from app.loaders.conditions import Condition
from app.schema.declarations import NOUNS
from app.schema.listings import LISTINGS
from tests.support.api import Api

TYPES = schema._schema.type_map
NAMES = {noun.model: noun.kind.__name__ for noun in NOUNS.values()}


@dataclass(frozen=True)
class List:
    """The root connection of a noun."""

    root: str
    noun: str
    model: type[SQLModel]

    @property
    def conditions(self) -> dict[str, Condition]:
        """The conditions of its filter by their names in the API."""
        kind: Any = LISTINGS[self.model].filter
        fields = kind.__strawberry_definition__.fields
        return {to_camel_case(item.python_name): item.metadata["condition"] for item in fields}

    @property
    def orders(self) -> dict[str, str]:
        """The columns that it can be ordered by, by the name of the order."""
        graphql: Any = TYPES[f"{self.noun}OrderField"]
        return {name: value.value.value for name, value in graphql.values.items()}

    async def page(self, api: Api, **arguments: Any) -> dict[str, Any]:
        """Read a page of it."""
        query = f"""query($filter: {self.noun}Filter, $orderBy: {self.noun}Order, $first: Int, $after: String,
          $last: Int, $before: String) {{ {self.root}(filter: $filter, orderBy: $orderBy, first: $first, after: $after,
          last: $last, before: $before) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor
          endCursor }} }} }}"""
        size = {} if "last" in arguments else {"first": 100}
        page: dict[str, Any] = (await api.gql(query, **(size | arguments)))[self.root]
        return page

    async def ids(self, api: Api, **arguments: Any) -> list[str]:
        """Read a page of it, and return the ids of what is there."""
        return [node["id"] for node in (await self.page(api, **arguments))["nodes"]]


def lists() -> Iterator[List]:
    """Every root connection."""
    query = TYPES["Query"]
    assert isinstance(query, GraphQLObjectType)
    models = {name: model for model, name in NAMES.items()}
    for root, field in query.fields.items():
        kind = get_named_type(field.type).name
        if kind.endswith("Connection"):
            noun = kind.removesuffix("Connection")
            yield List(root, noun, models[noun])


LISTS = list(lists())
