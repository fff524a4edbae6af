"""Lists of API keys."""

from app import models
from app.schema.listings.listing import By, InstantRange, containing, is_given, listing, within


@listing(
    models.ApiKey,
    CREATED_AT=By("created_at", "When it was created."),
    NAME=By("name", "What it is called, by the bytes of the text."),
    EXPIRES_AT=By("expires_at", "From when on it is refused; null for never."),
    LAST_USED_AT=By("last_used_at", "When it was last used; null for never."),
)
class ApiKeyFilter:
    """Rows of `api_key`."""

    name_contains: str | None = containing("name", "Whose name contains this text. Example: `backend`.")
    revoked: bool | None = is_given("revoked_at", "Whether they were revoked.")
    created_at: InstantRange | None = within("created_at", "When they were created.")
