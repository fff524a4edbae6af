"""What changed between two versions of a plan that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.feature_differences import (
    FeatureChange,
    FeatureChangeKind,
    VersionFeature,
    compare_features,
    summary_of,
)
from app.billing.catalog.version_differences import PriceChange, VersionPrice, compare_versions
from app.billing.entitlements import terms_from_json
from app.billing.errors import ErrorCode, Problems
from app.models import table_of
from app.services.lookup import require
from app.services.plan_features import features_of_version
from app.services.plan_versions import prices_of_version
from app.services.prices import draft_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersionFeatureChange:
    """See `FeatureChange`; with what the versions give of the feature, None where a version does not give it."""

    kind: FeatureChangeKind
    feature_id: str
    before: models.PlanFeature | None
    after: models.PlanFeature | None
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersionDiff:
    """See `VersionDifference`; with the versions that were compared."""

    from_version: models.PlanVersion
    to_version: models.PlanVersion
    changes: tuple[PriceChange, ...]
    features: tuple[PlanVersionFeatureChange, ...]
    is_reordered: bool
    sentence: str


async def compare_plan_versions(
    session: AsyncSession, environment_id: str, from_id: str, to_id: str
) -> PlanVersionDiff:
    """Return what changed between two versions of a plan, drafts too. Reads only.

    Refused with every id that names no version here, or where they are of different plans.
    """
    problems = Problems()
    before = await require(session, problems, "fromId", models.PlanVersion, environment_id, from_id)
    after = await require(session, problems, "toId", models.PlanVersion, environment_id, to_id)
    if before is not None and after is not None and before.plan_id != after.plan_id:
        problems.add(ErrorCode.INVALID, "toId", "the versions are of different plans")
    problems.raise_if_any()
    assert before is not None
    assert after is not None
    found = compare_versions(await _held(session, before), await _held(session, after))
    features, summary = await _features(session, before, after)
    return PlanVersionDiff(
        from_version=before,
        to_version=after,
        changes=found.changes,
        features=features,
        is_reordered=found.is_reordered,
        sentence=found.sentence + summary,
    )


async def _held(session: AsyncSession, version: models.PlanVersion) -> list[VersionPrice]:
    return [VersionPrice(price.id, draft_of(price)) for price in await prices_of_version(session, version)]


async def _features(
    session: AsyncSession, before: models.PlanVersion, after: models.PlanVersion
) -> tuple[tuple[PlanVersionFeatureChange, ...], str]:
    """Return what became of each feature, and all of it in short."""
    old, new = [await features_of_version(session, before.environment_id, one.id) for one in (before, after)]
    columns = table_of(models.Feature).c
    mine = (columns.environment_id == before.environment_id, columns.id.in_({row.feature_id for row in (*old, *new)}))
    names = {row.id: row.name for row in await session.execute(select(columns.id, columns.name).where(*mine))}
    changes = compare_features(_named(old, names), _named(new, names))
    return tuple(_of_rows(change, old, new) for change in changes), summary_of(changes)


def _named(rows: Sequence[models.PlanFeature], names: Mapping[str, str]) -> list[VersionFeature]:
    return [VersionFeature(row.feature_id, names[row.feature_id], terms_from_json(row.terms)) for row in rows]


def _of_rows(
    change: FeatureChange, old: Sequence[models.PlanFeature], new: Sequence[models.PlanFeature]
) -> PlanVersionFeatureChange:
    before = None if change.before is None else old[change.before]
    after = None if change.after is None else new[change.after]
    [feature_id, *_] = [row.feature_id for row in (after, before) if row is not None]
    return PlanVersionFeatureChange(
        kind=change.kind, feature_id=feature_id, before=before, after=after, sentence=change.sentence
    )
