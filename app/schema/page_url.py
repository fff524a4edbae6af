"""The link to an invoice that a person can read."""

from typing import Annotated, Any

import strawberry
from strawberry import Info, Parent

from app import models
from app.billing.errors import Refused
from app.context import Context
from app.schema.client_error import ClientError
from app.services.invoice_links import DEFAULT_VALID_DAYS, page_path

#: A token that lives for minutes makes no link that lives for a year.
MOST_DAYS_BY_TOKEN = 1


async def resolve_page_url(
    root: Parent[Any],
    info: Info[Context, None],
    valid_for_days: Annotated[
        int,
        strawberry.argument(
            description="For how many days the link works, 1 to 365; made with a customer token, for one at most. "
            "Example: `30`."
        ),
    ] = DEFAULT_VALID_DAYS,
) -> str:
    """Return a new link, or say that it can't be valid for so long."""
    context = info.context
    environment = await context.loaders.linked(models.Environment).load(root.environment_id)
    if context.principal.customer_id is not None:
        valid_for_days = min(valid_for_days, MOST_DAYS_BY_TOKEN)
    try:
        path = page_path(environment, root.id, context.clock.now(), valid_for_days)
    except Refused as refused:
        raise ClientError(str(refused)) from refused
    return f"{context.settings.public_url or ''}{path}"
