"""The usage of metrics."""

from collections.abc import Sequence
from dataclasses import replace

from app.billing.errors import Refused
from app.db import Sessions
from app.loaders.owner import Owner
from app.metering.allowance import Allowance
from app.metering.metric_usage import MetricUsage, MetricUsageQuery, metric_usages
from app.metering.waiting import wait_until_counted


async def usage_by_metric(
    sessions: Sessions, owner: Owner, asked: MetricUsageQuery, allowance: Allowance, metric_ids: Sequence[str]
) -> list[MetricUsage | Refused]:
    """Answer the same question for each metric; one that it does not fit has its refusal in its place.

    A customer asks about itself, whether or not it says so.
    """
    if owner.customer_id is not None:
        asked = replace(asked, customer_id=owner.own(asked.customer_id or owner.customer_id))
    queries = [replace(asked, billable_metric_id=metric_id) for metric_id in metric_ids]
    counted_up_to = await wait_until_counted(sessions)
    async with sessions.long_work:
        await allowance.pay_debt()
        async with sessions.read() as session:
            answers = await metric_usages(session, owner.environment_id, queries, allowance)
    return [one if isinstance(one, Refused) else replace(one, counted_up_to=counted_up_to) for one in answers]
