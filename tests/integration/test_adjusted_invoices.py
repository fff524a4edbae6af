"""Invoices with discounts, tax, credit and lines typed by hand: each sum, each reason, and the same when replayed."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from app import models
from app.models import table_of
from tests.integration.test_refusals import snapshot
from tests.support.api import Api, Statements, make_api
from tests.support.storing import store

GRADUATED = {
    "graduated": {
        "tiers": [
            {"upTo": "10", "unitPrice": "10", "flatPrice": "2"},
            {"upTo": "20", "unitPrice": "5", "flatPrice": "3"},
            {"unitPrice": "5", "flatPrice": "3"},
        ]
    }
}
HALF = (
    "This part is 1,296,000 of the 2,592,000 seconds of a whole period (1/2)."
    " Multiplied by this share: tier bounds and flat prices."
)
INVOICE = """{ invoice(id: "%s") {
  id number status subtotal { amount } discount { amount } tax { amount } carriedToCredit { amount }
  total { amount currency } creditApplied { amount } amountDue { amount } taxExemption
  discounts { name percentage base { amount } amount { amount } } taxes { rate base { amount } amount { amount } }
  creditEntries { nodes { kind amount { amount } } }
  lines { id description quantity amount { amount } exactAmount price { id }
    explanation { steps { operation description input output } notApplied { operation reason }
      events { nodes { id } } } } } }"""
REPLAY = """query($id: ID!) { invoiceReplay(invoiceId: $id) {
  equal eventCount invoice { id } differences { line { id } what invoiced replayed } } }"""


async def set_up(api: Api, model: dict[str, Any] = GRADUATED, **plan: Any) -> dict[str, str]:
    """A customer on a clock at June 16, half a month before the first of a plan anchored there."""
    product = await api.make("productCreate", name="Engine")
    metric = await api.make(
        "billableMetricCreate",
        productId=product,
        name="Seats",
        unit="seat",
        eventType="seat",
        aggregation="SUM",
        valueProperty="$.n",
    )
    price = await api.make(
        "priceCreate",
        target={"billableMetricId": metric},
        invoiceDisplayName="Seats",
        paymentTerm="IN_ARREARS",
        model=model,
    )
    given = {"billingInterval": "MONTHLY", "billingAnchor": {"day": 1}, **plan}
    plan_id = await api.make("planCreate", productId=product, name="Pro", priceIds=[price], **given)
    clock = await api.make("testClockCreate", name="clock", now="2026-06-16T00:00:00Z")
    customer = await api.make("customerCreate", name="Acme", testClockId=clock)
    return {"plan": plan_id, "clock": clock, "customer": customer, "price": price, "metric": metric}


async def tax(api: Api, customer: str, **columns: Any) -> None:
    async with api.sessions.begin() as session:
        customers = table_of(models.Customer)
        await session.execute(update(customers).where(customers.c.id == customer).values(**columns))


async def use(api: Api, customer: str, key: str, n: str, at: str) -> str:
    body = {
        "type": "seat",
        "source": "s",
        "subject": customer,
        "data": {"n": n},
        "idempotencyKey": key,
        "timestamp": at,
    }
    async with api.sessions.begin() as session:
        [row] = [row for row in await api.rows(models.Customer) if row.id == customer]
        stored = await store(session, row.environment_id, body, api.clock.now())
    return stored.id


async def subscribe(api: Api, made: dict[str, str], **given: Any) -> str:
    payload = await api.mutate(
        "subscriptionCreate", "subscription { id }", customerId=made["customer"], planId=made["plan"], **given
    )
    assert payload["userErrors"] == []
    return str(payload["subscription"]["id"])


async def advance(api: Api, clock: str, to: str) -> list[str]:
    payload = await api.mutate("testClockAdvance", "invoices { id }", id=clock, to=to)
    assert payload["userErrors"] == []
    return [invoice["id"] for invoice in payload["invoices"]]


async def read(api: Api, invoice_id: str) -> dict[str, Any]:
    invoice: dict[str, Any] = (await api.gql(INVOICE % invoice_id))["invoice"]
    return invoice


async def replayed(api: Api, invoice_id: str) -> dict[str, Any]:
    replay: dict[str, Any] = (await api.gql(REPLAY, id=invoice_id))["invoiceReplay"]
    return replay


async def test_a_graduated_prorated_discounted_taxed_line_explains_itself(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        await tax(api, made["customer"], tax_rate=Decimal("0.19"))
        await api.mutate(
            "discountCreate", "discount { id }", target={"customerId": made["customer"]}, name="Partner", amount="5"
        )
        await api.mutate("customerCreditAdd", "creditEntry { id }", customerId=made["customer"], amount="50")
        await subscribe(api, made, discounts=[{"name": "Launch", "percentage": "0.1"}])
        event = await use(api, made["customer"], "e", "11", "2026-06-20T00:00:00Z")
        [invoice_id] = await advance(api, made["clock"], "2026-07-01T02:00:00Z")
        invoice = await read(api, invoice_id)
        # Half a month: up to 5 at 10 + 1, up to 10 at 5 + 1.50, the eleventh at 5 + 1.50: 51 + 26.50 + 6.50 = 84.
        # 10 % of 84 is 8.40, 5 more leave 70.60; 19 % of that is 13.414.
        [line] = invoice.pop("lines")
        assert invoice == {
            "id": invoice_id,
            "number": "TEST-INV-000001",
            "status": "ISSUED",
            "subtotal": {"amount": "84.00"},
            "discount": {"amount": "13.40"},
            "tax": {"amount": "13.41"},
            "carriedToCredit": {"amount": "0.00"},
            "total": {"amount": "84.01", "currency": "USD"},
            "creditApplied": {"amount": "50.00"},
            "amountDue": {"amount": "34.01"},
            "taxExemption": None,
            "discounts": [
                {"name": "Launch", "percentage": "0.1", "base": {"amount": "84.00"}, "amount": {"amount": "8.40"}},
                {"name": "Partner", "percentage": None, "base": {"amount": "75.60"}, "amount": {"amount": "5.00"}},
            ],
            "taxes": [{"rate": "0.19", "base": {"amount": "70.60"}, "amount": {"amount": "13.41"}}],
            "creditEntries": {"nodes": [{"kind": "APPLIED", "amount": {"amount": "-50.00"}}]},
        }
        assert line["explanation"]["events"]["nodes"] == [{"id": event}]
        assert line["explanation"]["notApplied"] == []
        assert [tuple(step.values()) for step in line["explanation"]["steps"]] == [
            ("AGGREGATE", "Sum over 1 event: 11 seat", "1", "11"),
            (
                "PRORATE",
                HALF,
                "1",
                "0.5",
            ),
            ("PRICE", "Tier up to 5: 5 seat × 10.00 USD + 1.00 USD flat = 51.00 USD", "5", "51"),
            ("PRICE", "Tier above 5, up to 10: 5 seat × 5.00 USD + 1.50 USD flat = 26.50 USD", "5", "26.5"),
            ("PRICE", "Tier above 10: 1 seat × 5.00 USD + 1.50 USD flat = 6.50 USD", "1", "6.5"),
            ("PRICE", "Charge of all tiers entered: 84.00 USD", "11", "84"),
            ("ROUND", "Rounded half up to 2 decimals of USD: 84.00 USD", "84", "84"),
            (
                "DISCOUNT",
                "“Launch”: 10 % off 84.00 USD is 8.40 USD; this line's share is 8.40 USD, which leaves 75.60 USD",
                "84",
                "75.6",
            ),
            (
                "DISCOUNT",
                "“Partner”: 5.00 USD off 75.60 USD; this line's share is 5.00 USD, which leaves 70.60 USD",
                "75.6",
                "70.6",
            ),
            (
                "TAX",
                "Tax of 19 % comes on top of the price: 13.41 USD on 70.60 USD; this line's share is 13.41 USD",
                "70.6",
                "13.41",
            ),
        ]
        assert await replayed(api, invoice_id) == {
            "equal": True,
            "eventCount": 1,
            "invoice": {"id": invoice_id},
            "differences": [],
        }


async def test_what_an_invoice_says_outlives_every_later_change(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        await tax(api, made["customer"], tax_rate=Decimal("0.19"))
        discount = (
            await api.mutate(
                "discountCreate",
                "discount { id }",
                target={"customerId": made["customer"]},
                name="Partner",
                percentage="0.5",
            )
        )["discount"]["id"]
        await subscribe(api, made)
        await use(api, made["customer"], "e", "11", "2026-06-20T00:00:00Z")
        [invoice_id] = await advance(api, made["clock"], "2026-07-01T02:00:00Z")
        before = await read(api, invoice_id)
        await tax(api, made["customer"], tax_rate=None, tax_exemption="Reverse charge", name="Other")
        await api.mutate("discountEnd", "discount { id }", id=discount, endsAt="2026-06-16T00:00:00Z")
        await use(api, made["customer"], "late", "1000", "2026-06-21T00:00:00Z")
        assert await read(api, invoice_id) == before
        assert (await replayed(api, invoice_id))["equal"] is True
        [_next] = await advance(api, made["clock"], "2026-08-01T02:00:00Z")
        following = await read(api, _next)
        # 5,000.00 of the closed period came late: they are reduced and taxed as that period was, and nothing else is.
        assert [(taken["name"], taken["amount"]["amount"]) for taken in following["discounts"]] == [
            ("Partner", "2500.00")
        ]
        assert [(tax["rate"], tax["base"]["amount"]) for tax in following["taxes"]] == [("0.19", "2500.00")]
        assert following["taxExemption"] == "Reverse charge"
        missed = following["lines"][0]["explanation"]["notApplied"]
        assert missed == [{"operation": "TAX", "reason": "The customer is exempt from tax: Reverse charge"}]


async def test_below_zero_the_rest_is_carried_to_credit_and_paid_from_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api, {"standard": {"unitPrice": "-2"}}, billingAnchor=None)
        await subscribe(api, made)
        await use(api, made["customer"], "e", "11", "2026-06-20T00:00:00Z")
        [first] = await advance(api, made["clock"], "2026-07-16T00:30:00Z")
        added = await api.mutate(
            "invoiceLineAdd", "invoiceLine { id } invoice { total { amount } }",
            invoiceId=first, description="Support", quantity="2", unitPrice="5.005",
        )  # fmt: skip
        assert added["invoice"]["total"] == {"amount": "0.00"}
        assert await advance(api, made["clock"], "2026-07-16T01:00:00Z") == [first]
        invoice = await read(api, first)
        # -22.00 of rebate and 10.01 of support.
        assert [line["amount"]["amount"] for line in invoice["lines"]] == ["-22.00", "10.01"]
        assert (invoice["carriedToCredit"], invoice["total"]["amount"]) == ({"amount": "11.99"}, "0.00")
        assert invoice["status"] == "PAID"
        assert invoice["creditEntries"]["nodes"] == [{"kind": "CARRIED", "amount": {"amount": "11.99"}}]
        assert invoice["lines"][1]["price"] is None
        assert (await replayed(api, first))["equal"] is True
        balance = f'{{ customer(id: "{made["customer"]}") {{ creditBalances {{ amount currency }} }} }}'
        assert (await api.gql(balance))["customer"]["creditBalances"] == [{"amount": "11.99", "currency": "USD"}]
        [second] = await advance(api, made["clock"], "2026-08-16T00:30:00Z")
        await api.mutate("invoiceLineAdd", "invoice { id }", invoiceId=second, description="Fee", unitPrice="20")
        assert await advance(api, made["clock"], "2026-08-16T01:00:00Z") == [second]
        invoice = await read(api, second)
        assert (invoice["creditApplied"], invoice["amountDue"]) == ({"amount": "11.99"}, {"amount": "8.01"})
        assert (await api.gql(balance))["customer"]["creditBalances"] == [{"amount": "0.00", "currency": "USD"}]


async def test_invoice_0_takes_discounts_and_credit_and_activates_when_they_cover_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        fee = await api.make("feeCreate", productId=(await api.rows(models.Product))[0].id, name="Platform")
        price = await api.make(
            "priceCreate",
            target={"feeId": fee},
            invoiceDisplayName="Platform",
            paymentTerm="IN_ADVANCE",
            model={"standard": {"unitPrice": "10"}},
        )
        product = (await api.rows(models.Product))[0].id
        plan = await api.make(
            "planCreate", productId=product, name="Fees", billingInterval="MONTHLY", priceIds=[price], currency="USD"
        )
        await api.mutate("customerCreditAdd", "creditEntry { id }", customerId=made["customer"], amount="44.99")
        given: dict[str, Any] = {
            "customerId": made["customer"],
            "planId": plan,
            "allowConcurrent": True,
            "quantities": [{"priceId": price, "quantity": "5"}],
            "discounts": [{"name": "Launch", "percentage": "0.1", "endsAt": "2026-07-01T00:00:00Z"}],
        }
        fields = "subscription { status } invoice { status total { amount } amountDue { amount } }"
        first = await api.mutate("subscriptionCreate", fields, **given)
        # 5 seats at 10 less 10 % are 45; a cent is missing.
        assert first["subscription"] == {"status": "PENDING_PAYMENT"}
        assert first["invoice"] == {"status": "ISSUED", "total": {"amount": "45.00"}, "amountDue": {"amount": "0.01"}}
        await api.mutate("customerCreditAdd", "creditEntry { id }", customerId=made["customer"], amount="45")
        second = await api.mutate("subscriptionCreate", fields, **given)
        assert second["subscription"] == {"status": "ACTIVE"}
        assert second["invoice"] == {"status": "PAID", "total": {"amount": "45.00"}, "amountDue": {"amount": "0.00"}}


async def test_inclusive_prices_hold_the_tax(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api, {"standard": {"unitPrice": "100"}}, billingAnchor=None, taxBehavior="INCLUSIVE")
        await tax(api, made["customer"], tax_rate=Decimal("0.19"))
        await subscribe(api, made)
        await use(api, made["customer"], "e", "1", "2026-06-20T00:00:00Z")
        [invoice_id] = await advance(api, made["clock"], "2026-07-16T01:00:00Z")
        invoice = await read(api, invoice_id)
        assert (invoice["tax"], invoice["total"]["amount"]) == ({"amount": "15.97"}, "100.00")
        assert (await replayed(api, invoice_id))["equal"] is True


async def test_a_replay_says_what_was_tampered_with(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        await subscribe(api, made)
        event = await use(api, made["customer"], "e", "11", "2026-06-20T00:00:00Z")
        [invoice_id] = await advance(api, made["clock"], "2026-07-01T02:00:00Z")
        [line] = (await read(api, invoice_id))["lines"]
        async with api.sessions.begin() as session:
            await session.execute(update(table_of(models.MeterEvent)).values(data='{"n": "12"}'))
        replay = await replayed(api, invoice_id)
        assert replay["equal"] is False
        found = {item["what"]: (item["line"] and item["line"]["id"], item["invoiced"], item["replayed"])
                 for item in replay["differences"]}  # fmt: skip
        assert found["quantity"] == (line["id"], "11", "12")
        assert found["amount"] == (line["id"], "8400", "8900")
        assert found["total"] == (None, "8400", "8900")
        async with api.sessions.begin() as session:
            await session.execute(update(table_of(models.MeterEvent)).values(data='{"n": "many"}'))
        replay = await replayed(api, invoice_id)
        assert {
            "line": {"id": line["id"]},
            "what": "event",
            "invoiced": event,
            "replayed": "not charged by this line",
        } in (replay["differences"])


async def test_drafts_and_what_is_not_there_have_no_replay(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        await subscribe(api, made)
        [draft] = await advance(api, made["clock"], "2026-07-01T00:30:00Z")
        for invoice_id in (draft, "inv_00000000000000000000000000", "", "x"):
            assert (await api.gql(REPLAY, id=invoice_id))["invoiceReplay"] is None
        [issued] = await advance(api, made["clock"], "2026-07-01T02:00:00Z")
        assert (await replayed(api, issued))["equal"] is True
        assert (await api.in_sandbox().gql(REPLAY, id=issued))["invoiceReplay"] is None
        with Statements() as ran:
            await api.gql("query($id: ID!) { invoiceReplay(invoiceId: $id) { equal } }", id=issued)
        assert len([statement for statement in ran.seen if statement.startswith("SELECT")]) <= 5


async def test_a_line_is_typed_onto_a_draft_only_and_taken_off_again(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        await tax(api, made["customer"], tax_rate=Decimal("0.1"))
        await subscribe(api, made, discounts=[{"name": "All", "percentage": "1"}])
        [draft] = await advance(api, made["clock"], "2026-07-01T00:30:00Z")
        fields = "invoiceLine { id } invoice { total { amount } lines { description amount { amount } } } replayed"
        given = {"invoiceId": draft, "description": "Help", "unitPrice": "30", "idempotencyKey": "k"}
        first = await api.mutate("invoiceLineAdd", fields, **given)
        assert first["invoice"]["total"] == {"amount": "33.00"}
        again = await api.mutate("invoiceLineAdd", fields, **given)
        assert again == {**first, "replayed": True}
        untaxed = await api.mutate(
            "invoiceLineAdd", fields, invoiceId=draft, description="Stamp", unitPrice="1", taxable=False
        )
        assert untaxed["invoice"]["total"] == {"amount": "34.00"}
        off = await api.mutate("invoiceLineRemove", "invoice { total { amount } }", id=first["invoiceLine"]["id"])
        assert off["invoice"]["total"] == {"amount": "1.00"}
        assert await advance(api, made["clock"], "2026-07-01T01:00:00Z") == [draft]
        invoice = await read(api, draft)
        # Nobody used anything: the flat price of half a month is 1.00, and all of it is discounted.
        assert [line["amount"]["amount"] for line in invoice["lines"]] == ["1.00", "1.00"]
        assert invoice["total"]["amount"] == "1.00"
        assert (await replayed(api, draft))["equal"] is True
        before = await snapshot(api)
        refused = await api.mutate(
            "invoiceLineAdd", "invoiceLine { id }", invoiceId=draft, description="x", unitPrice="1"
        )
        assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("INVOICE_NOT_DRAFT", "invoiceId")]
        refused = await api.mutate("invoiceLineRemove", "invoice { id }", id=untaxed["invoiceLine"]["id"])
        assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("INVOICE_NOT_DRAFT", "id")]
        assert await snapshot(api) == before


REFUSED: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("discountCreate", {"target": {"customerId": "cus_x"}, "name": "", "percentage": "1.5"},
     [("BLANK", "name"), ("OUT_OF_RANGE", "percentage"), ("NOT_FOUND", "target.customerId")]),
    ("discountCreate", {"target": {"subscriptionId": "<sub>"}, "name": "D", "amount": "1", "currency": "EUR"},
     [("CURRENCY_MISMATCH", "currency")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D"}, [("INVALID", "percentage")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D", "percentage": "0.1", "amount": "0"},
     [("INVALID", "percentage"), ("OUT_OF_RANGE", "amount")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D", "percentage": "0", "currency": "USD"},
     [("OUT_OF_RANGE", "percentage"), ("INVALID", "currency")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D", "amount": "0.001"},
     [("INVALID", "amount")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D", "amount": "1",
                        "startsAt": "2026-07-01T00:00:00Z", "endsAt": "2026-07-01T00:00:00Z"},
     [("OUT_OF_RANGE", "endsAt")]),
    ("discountCreate", {"target": {"customerId": "<customer>"}, "name": "D", "amount": "1",
                        "endsAt": "2026-06-16T00:00:00Z"}, [("OUT_OF_RANGE", "endsAt")]),
    ("discountEnd", {"id": "disc_x"}, [("NOT_FOUND", "id")]),
    ("discountEnd", {"id": "<discount>", "endsAt": "2026-06-15T00:00:00Z"}, [("OUT_OF_RANGE", "endsAt")]),
    ("discountEnd", {"id": "<discount>", "endsAt": "2027-06-15T00:00:00Z"}, [("OUT_OF_RANGE", "endsAt")]),
    ("customerCreditAdd", {"customerId": "<sub>", "amount": "0"},
     [("NOT_FOUND", "customerId"), ("OUT_OF_RANGE", "amount")]),
    ("customerCreditAdd", {"customerId": "<customer>", "amount": "0.005"}, [("INVALID", "amount")]),
    ("invoiceLineAdd", {"invoiceId": "inv_x", "description": "", "quantity": "0", "unitPrice": "1"},
     [("NOT_FOUND", "invoiceId"), ("BLANK", "description"), ("OUT_OF_RANGE", "quantity")]),
    ("invoiceLineRemove", {"id": "li_x"}, [("NOT_FOUND", "id")]),
    ("invoiceLineRemove", {"id": "<line>"}, [("INVALID", "id")]),
    ("subscriptionCreate", {"customerId": "<customer>", "planId": "<plan>", "allowConcurrent": True,
                            "discounts": [{"name": "A", "percentage": "0.1"}, {"name": "", "amount": "0.001"}]},
     [("BLANK", "discounts.1.name")]),
    ("subscriptionCreate", {"customerId": "<customer>", "planId": "<plan>", "allowConcurrent": True,
                            "discounts": [{"name": "A", "amount": "0.001"}]}, [("INVALID", "discounts.0.amount")]),
]  # fmt: skip


async def test_what_is_refused_is_named_and_writes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api)
        made["sub"] = await subscribe(api, made)
        discount = await api.mutate(
            "discountCreate",
            "discount { id }",
            target={"customerId": made["customer"]},
            name="D",
            percentage="0.1",
            endsAt="2027-01-01T00:00:00Z",
        )
        made["discount"] = discount["discount"]["id"]
        [draft] = await advance(api, made["clock"], "2026-07-01T00:30:00Z")
        made["line"] = (await read(api, draft))["lines"][0]["id"]
        before = await snapshot(api)

        def filled(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: filled(item) for name, item in value.items()}
            return made[value[1:-1]] if isinstance(value, str) and value.startswith("<") else value

        for name, given, expected in REFUSED:
            payload = await api.mutate(name, "__typename", **filled(given))
            assert [(error["code"], error["field"]) for error in payload["userErrors"]] == expected, (name, given)
            assert await snapshot(api) == before, (name, given)


async def test_a_discount_takes_from_periods_that_begin_in_its_span(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await set_up(api, {"standard": {"unitPrice": "1"}})
        await subscribe(
            api,
            made,
            discounts=[
                {
                    "name": "July",
                    "percentage": "0.5",
                    "startsAt": "2026-07-01T00:00:00Z",
                    "endsAt": "2026-08-01T00:00:00Z",
                }
            ],
        )
        for month, day in ((6, 20), (7, 1), (7, 31), (8, 1)):
            await use(api, made["customer"], f"e{month}{day}", "10", f"2026-{month:02}-{day:02}T00:00:00Z")
        invoices = await advance(api, made["clock"], "2026-09-01T02:00:00Z")
        totals = [(await read(api, invoice))["total"]["amount"] for invoice in invoices]
        assert totals == ["10.00", "10.00", "10.00"]
        assert datetime.fromisoformat("2026-07-01T00:00:00+00:00") == (await api.rows(models.Discount))[0].starts_at


@pytest.mark.parametrize("callers", [8])
async def test_two_invoices_never_take_the_same_credit(database_url: str, callers: int) -> None:
    """Subscriptions of one customer whose first invoices race for its credit."""
    async with make_api(database_url) as api:
        made = await set_up(api)
        product = (await api.rows(models.Product))[0].id
        fee = await api.make("feeCreate", productId=product, name="Platform")
        price = await api.make(
            "priceCreate",
            target={"feeId": fee},
            invoiceDisplayName="Platform",
            paymentTerm="IN_ADVANCE",
            model={"standard": {"unitPrice": "10"}},
        )
        plan = await api.make("planCreate", productId=product, name="F", billingInterval="MONTHLY", priceIds=[price])
        customer = await api.make("customerCreate", name="Real")
        await api.mutate("customerCreditAdd", "creditEntry { id }", customerId=customer, amount="35")
        assert made["plan"] != plan
        given = {"customerId": customer, "planId": plan, "allowConcurrent": True}
        made_at_once = await asyncio.gather(
            *(api.mutate("subscriptionCreate", "invoice { amountDue { amount } }", **given) for _ in range(callers))
        )
        due = sorted(payload["invoice"]["amountDue"]["amount"] for payload in made_at_once)
        assert due == ["0.00"] * 3 + ["10.00"] * (callers - 4) + ["5.00"]
        entries = await api.rows(models.CreditEntry)
        assert sum(entry.amount_minor for entry in entries) == 0


async def test_a_line_that_races_the_end_of_grace_is_on_the_issued_invoice_or_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        for number in range(5):
            made = await set_up(api)
            await subscribe(api, made)
            [draft] = await advance(api, made["clock"], "2026-07-01T00:30:00Z")
            given = {"invoiceId": draft, "description": f"Help {number}", "unitPrice": "30"}
            added, _ = await asyncio.gather(
                api.mutate("invoiceLineAdd", "invoiceLine { id }", **given),
                advance(api, made["clock"], "2026-07-01T02:00:00Z"),
            )
            invoice = await read(api, draft)
            typed = [line["id"] for line in invoice["lines"] if line["price"] is None]
            assert typed == ([added["invoiceLine"]["id"]] if added["invoiceLine"] else [])
            assert invoice["status"] == "ISSUED"
            assert invoice["total"]["amount"] == ("31.00" if typed else "1.00")
            assert (await replayed(api, draft))["equal"] is True


async def test_a_line_is_taken_off_once_however_many_ask(database_url: str) -> None:
    """Both callers have found the line when the first of them gets its turn."""
    async with make_api(database_url) as api:
        made = await set_up(api)
        subscription_id = await subscribe(api, made)
        [draft] = await advance(api, made["clock"], "2026-07-01T00:30:00Z")
        added = await api.mutate(
            "invoiceLineAdd", "invoiceLine { id }", invoiceId=draft, description="Help", unitPrice="30"
        )
        async with api.sessions.begin() as session:
            subscriptions = table_of(models.Subscription)
            held = update(subscriptions).where(subscriptions.c.id == subscription_id).values(payment_term_days=30)
            await session.execute(held)
            removing = [
                asyncio.create_task(
                    api.mutate("invoiceLineRemove", "invoice { total { amount } }", id=added["invoiceLine"]["id"])
                )
                for _ in range(2)
            ]
            await asyncio.sleep(0.5)
        answers = sorted(await asyncio.gather(*removing), key=lambda answer: len(answer["userErrors"]))
        assert [answer["invoice"] for answer in answers] == [{"total": {"amount": "1.00"}}, None]
        assert [error["code"] for answer in answers for error in answer["userErrors"]] == ["NOT_FOUND"]


async def test_the_upcoming_invoice_is_the_invoice_if_nothing_happens(database_url: str) -> None:
    """Invariant 30 of billing: the preview, its totals and its reasons are those of the invoice."""
    line = """description quantity amount { amount } exactAmount period { start end } price { id }
      explanation { steps { operation description input output } notApplied { operation reason } }"""
    sums = "subtotal { amount } discount { amount } tax { amount } carriedToCredit { amount } total { amount }"
    async with make_api(database_url) as api:
        made = await set_up(api)
        await tax(api, made["customer"], tax_rate=Decimal("0.077"))
        given = {"target": {"customerId": made["customer"]}, "name": "Partner", "amount": "3.33"}
        await api.mutate("discountCreate", "discount { id }", **given)
        subscription = await subscribe(api, made, discounts=[{"name": "Launch", "percentage": "0.15"}])
        await use(api, made["customer"], "e", "17.5", "2026-06-20T00:00:00Z")
        upcoming = f'{{ subscription(id: "{subscription}") {{ upcomingInvoice {{ {sums} lines {{ {line} }} }} }} }}'
        preview = (await api.gql(upcoming))["subscription"]["upcomingInvoice"]
        [invoice_id] = await advance(api, made["clock"], "2026-07-01T02:00:00Z")
        issued = (await api.gql(f'{{ invoice(id: "{invoice_id}") {{ {sums} lines {{ {line} }} }} }}'))["invoice"]
        assert issued["discount"]["amount"] != "0.00"
        assert preview == issued
