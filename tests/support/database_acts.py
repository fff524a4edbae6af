"""What people do in a history, done by the real services in one transaction each."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.catalog.changes import ChangeDraft, TerminationDraft
from app.billing.catalog.corrections import CreditedLineDraft, CreditNoteDraft, DecisionDraft
from app.billing.catalog.customers import FeeQuantity
from app.billing.lifecycle import ChangeTime
from app.billing.money import minor_to_decimal
from app.models import table_of
from app.services.changes import change_subscription
from app.services.credit_notes import create_credit_note
from app.services.decisions import void
from app.services.endings import reactivate_subscription, terminate_subscription
from app.services.invoices import lines_of
from app.services.payments import record_payment
from app.services.renewals import RENEWING
from tests.naive.history import Act, Annul, Change, End, Note, Pay, Resume
from tests.support.world import World


def is_of(act: Act, plan: str) -> bool:
    """Tell whether an act is a change to the plan of this name."""
    return isinstance(act, Change) and act.plan.name == plan


async def perform(
    session: AsyncSession, world: World, act: Act, subscription_id: str, plan_id: str, prices: Mapping[str, str]
) -> None:
    """Do what somebody wants, of a subscription that is billed or of its invoices. Refused where it makes no sense.

    `plan_id` and `prices`, by their names, are of the plan of a change.
    """
    me, now = world.principal, world.clock.now()
    subscription = await session.get_one(models.Subscription, (me.environment_id, subscription_id))
    match act:
        case Pay() | Annul() | Note():
            if subscription.activated_at is not None:
                await _perform_on_invoice(session, world, act, subscription_id)
        case _ if subscription.status not in RENEWING:
            return
        case Change():
            quantities = tuple(FeeQuantity(prices[name], quantity) for name, quantity in act.quantities)
            at = _time(at_period_end=act.at_period_end)
            draft = ChangeDraft(subscription=subscription_id, plan=plan_id, quantities=quantities, at=at)
            await change_subscription(session, me, now, draft)
        case End():
            at = _time(at_period_end=act.at_period_end)
            end = TerminationDraft(subscription=subscription_id, at=at, credit_unused=act.credit_unused)
            await terminate_subscription(session, me, now, end)
        case Resume():
            await reactivate_subscription(session, me, now, subscription_id)


def _time(*, at_period_end: bool) -> ChangeTime:
    return ChangeTime.PERIOD_END if at_period_end else ChangeTime.NOW


async def _perform_on_invoice(
    session: AsyncSession, world: World, act: Pay | Annul | Note, subscription_id: str
) -> None:
    me, now, invoices = world.principal, world.clock.now(), table_of(models.Invoice).c
    own = (invoices.subscription_id == subscription_id, invoices.number.is_not(None))
    listed = (await session.scalars(select(models.Invoice).where(*own))).all()
    if not listed:
        return
    by_number = sorted(listed, key=lambda one: int((one.number or "").rpartition("-")[2]))
    invoice = by_number[act.invoice % len(by_number)]
    match act:
        case Pay():
            if invoice.due_minor:
                await record_payment(session, me, now, PaymentDraft(invoice=invoice.id, method="card"))
        case Annul():
            await void(session, me, now, DecisionDraft(invoice=invoice.id, reason="wrong"))
        case Note():
            await create_credit_note(session, me, now, await _note_draft(session, invoice, act))


async def _note_draft(session: AsyncSession, invoice: models.Invoice, act: Note) -> CreditNoteDraft:
    amount = None if act.amount_minor is None else minor_to_decimal(act.amount_minor, invoice.currency)
    if act.line is None:
        return CreditNoteDraft(invoice=invoice.id, reason="sorry", amount=amount, refund=act.refund)
    lines = await lines_of(session, invoice)
    line = CreditedLineDraft(line=lines[act.line % len(lines)].id, amount=amount)
    return CreditNoteDraft(invoice=invoice.id, reason="sorry", lines=(line,), refund=act.refund)
