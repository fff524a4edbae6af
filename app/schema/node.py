"""What everything with an id shares."""

from typing import Any, ClassVar

import strawberry

from app.schema.declarations import ANY_KEY, field


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
