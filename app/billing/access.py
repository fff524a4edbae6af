"""What an API key may do."""

from collections.abc import Collection
from enum import StrEnum


class Scope(StrEnum):
    """A right that a key carries; writing does not include reading."""

    EVENTS_CREATE = "events:create"
    CATALOG_READ = "catalog:read"
    CATALOG_WRITE = "catalog:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    ENTITLEMENTS_READ = "entitlements:read"
    ENTITLEMENTS_WRITE = "entitlements:write"
    SETTINGS_WRITE = "settings:write"
    AUDIT_READ = "audit:read"
    ALL = "all"


def allows(granted: Collection[Scope], needed: Scope) -> bool:
    """Tell whether a key with the granted scopes may do what needs one; `all` allows everything."""
    return needed in granted or Scope.ALL in granted
