"""Lines typed by hand that several callers take off at once."""

import asyncio

from app import models
from tests.support.api import Api, make_api
from tests.support.priced_catalog import make_plan, make_price, standard


async def draft_of(api: Api) -> str:
    """Return the id of a draft of 5.00, which a test clock keeps in its grace time."""
    await api.make("productCreate", key="llm", name="LLM")
    await api.make("feeCreate", key="platform", productId="llm", name="Platform")
    await make_price(api, "platform", standard("5"), {"feeId": "platform"})
    await make_plan(api, ["platform"], key="pro", billingInterval="MONTHLY")
    clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
    customer = await api.make("customerCreate", name="Acme", testClockId=clock)
    await api.mutate("subscriptionCreate", "subscription { id }", customerId=customer, planId="pro")
    made = await api.mutate("testClockAdvance", "invoices { id }", id=clock, to="2026-02-28T00:30:00Z")
    [invoice] = made["invoices"]
    return str(invoice["id"])


async def test_a_line_is_taken_off_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        draft = await draft_of(api)
        typed = {"invoiceId": draft, "description": "Support", "unitPrice": "1"}
        made = await api.mutate("invoiceLineAdd", "invoiceLine { id } invoice { total { amount } }", **typed)
        assert made["invoice"] == {"total": {"amount": "6.00"}}
        line = made["invoiceLine"]["id"]
        fields = "invoice { total { amount } }"
        answers = await asyncio.gather(*(api.mutate("invoiceLineRemove", fields, id=line) for _ in range(6)))
        [removed] = [answer for answer in answers if not answer["userErrors"]]
        assert removed["invoice"] == {"total": {"amount": "5.00"}}
        gone = {"code": "NOT_FOUND", "field": "id", "message": "id names nothing that exists here"}
        assert [answer for answer in answers if answer["userErrors"]] == [{"invoice": None, "userErrors": [gone]}] * 5
        deleted = [entry.subject_id for entry in await api.rows(models.AuditEntry) if entry.change == "DELETE"]
        assert deleted == [line]
