"""What changed between two versions of a plan that are there."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.version_differences import PriceChange, VersionPrice, compare_versions
from app.billing.errors import ErrorCode, Problems
from app.services.lookup import require
from app.services.plan_versions import prices_of_version
from app.services.prices import draft_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersionDiff:
    """See `VersionDifference`; with the versions that were compared."""

    from_version: models.PlanVersion
    to_version: models.PlanVersion
    changes: tuple[PriceChange, ...]
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
    return PlanVersionDiff(
        from_version=before,
        to_version=after,
        changes=found.changes,
        is_reordered=found.is_reordered,
        sentence=found.sentence,
    )


async def _held(session: AsyncSession, version: models.PlanVersion) -> list[VersionPrice]:
    return [VersionPrice(price.id, draft_of(price)) for price in await prices_of_version(session, version)]
