"""The kinds of features."""

from app.billing.entitlements import FeatureKind
from app.schema.enums import describe

__all__ = ["FeatureKind"]

describe(
    FeatureKind,
    "What a feature gives.",
    {
        FeatureKind.BOOLEAN: "Access, and nothing else.",
        FeatureKind.STATIC: "Access with a value, to configure something with.",
        FeatureKind.METERED: "Units of a metric, as many as grants give.",
    },
)
