"""What everything with an id shares."""

from collections.abc import Awaitable
from typing import Any, ClassVar

import strawberry

from app.billing.access import allows
from app.context import Context
from app.ids import prefix_of
from app.schema.declarations import ANY_KEY, NOUNS, field


@strawberry.interface(description="Anything with an id. `node` and `nodes` find it again.")
class Node:
    """Rows are not instances of our types, so an id's prefix says which noun a row is."""

    __access__: ClassVar[Any] = ANY_KEY
    id_prefix: ClassVar[str] = ""

    id: strawberry.ID = field(
        "Opaque, unique over all nouns, the same in REST and GraphQL. Example: `cus_06bq2m7v1s9e4k8x0t3y5z7w2c`."
    )

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Tell whether a row is of this noun."""
        return bool(obj.id.startswith(cls.id_prefix))


def node_with(context: Context, identifier: str) -> Awaitable[Any] | None:
    """Ask for the row with an id; None, or a row of None, for what is absent, another's, malformed or not to be read
    with this key: all look alike.
    """
    noun = NOUNS.get(prefix_of(identifier) or "")
    if noun is None or (noun.access is not ANY_KEY and not allows(context.principal.scopes, noun.access)):
        return None
    return context.loaders.by_id(noun.model).load(identifier)
