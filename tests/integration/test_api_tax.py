"""How customers are taxed: a rate or an exemption of theirs, on invoices that keep what they were issued with."""

from typing import Any

from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api

SUMS = (
    "subtotal { amount } tax { amount } total { amount } taxes { rate base { amount } amount { amount } } taxExemption"
)
EXPLAINED = "lines { explanation { steps { operation description output } notApplied { operation reason } } }"


async def plan(api: Api, behavior: str = "EXCLUSIVE") -> str:
    """A yearly plan of 100.00 in advance."""
    product = await api.make("productCreate", name="Engine")
    fee = await api.make("feeCreate", productId=product, name="Platform")
    price = await api.make(
        "priceCreate",
        target={"feeId": fee},
        invoiceDisplayName="Platform",
        paymentTerm="IN_ADVANCE",
        model={"standard": {"unitPrice": "100"}},
    )
    given = {"name": "Pro", "billingInterval": "YEARLY", "taxBehavior": behavior, "priceIds": [price]}
    return await api.make("planCreate", productId=product, **given)


async def billed(api: Api, plan_id: str, **customer: Any) -> dict[str, Any]:
    """The first invoice of a new customer, without its lines."""
    customer_id = await api.make("customerCreate", name="Acme", **customer)
    fields = f"invoice {{ id {SUMS} }}"
    payload = await api.mutate("subscriptionCreate", fields, customerId=customer_id, planId=plan_id)
    assert payload["userErrors"] == []
    invoice: dict[str, Any] = payload["invoice"]
    return invoice


def money(amount: str) -> dict[str, str]:
    return {"amount": amount}


async def test_tax_comes_on_top_is_part_of_the_price_or_is_not_due(database_url: str) -> None:
    async with make_api(database_url) as api:
        on_top, held = await plan(api), await plan(api, "INCLUSIVE")
        untaxed: dict[str, Any] = {
            "subtotal": money("100.00"), "tax": money("0.00"), "total": money("100.00"), "taxes": [],
            "taxExemption": None,
        }  # fmt: skip
        rate = {"rate": "0.19", "base": money("100.00")}
        told: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
            (on_top, {}, untaxed),
            (on_top, {"taxRate": "0.19"}, untaxed | {
                "tax": money("19.00"), "total": money("119.00"), "taxes": [rate | {"amount": money("19.00")}],
            }),
            (held, {"taxRate": "0.19"}, untaxed | {
                "tax": money("15.97"), "taxes": [rate | {"amount": money("15.97")}],
            }),
            (on_top, {"taxRate": "0"}, untaxed | {
                "taxes": [{"rate": "0", "base": money("100.00"), "amount": money("0.00")}],
            }),
            (on_top, {"taxExemption": "Charity"}, untaxed | {"taxExemption": "Charity"}),
            (on_top, {"taxRate": "0.19", "taxExemption": "Reverse charge"}, untaxed | {
                "taxExemption": "Reverse charge",
            }),
        ]  # fmt: skip
        for plan_id, customer, expected in told:
            invoice = await billed(api, plan_id, **customer)
            assert {name: invoice[name] for name in expected} == expected, customer


async def test_a_line_says_its_tax_or_why_there_is_none(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan_id, query = await plan(api), f"query($id: ID!) {{ invoice(id: $id) {{ {EXPLAINED} }} }}"
        taxed = await billed(api, plan_id, taxRate="0.075")
        exempt = await billed(api, plan_id, taxRate="0.075", taxExemption="Diplomatic mission")
        [line] = (await api.gql(query, id=taxed["id"]))["invoice"]["lines"]
        assert line["explanation"]["steps"][-1] == {
            "operation": "TAX",
            "description": "Tax of 7.5 % comes on top of the price: 7.50 USD on 100.00 USD; "
            "this line's share is 7.50 USD",
            "output": "7.5",
        }
        [line] = (await api.gql(query, id=exempt["id"]))["invoice"]["lines"]
        assert [step["operation"] for step in line["explanation"]["steps"]] == ["QUANTITY", "PRICE", "ROUND"]
        assert line["explanation"]["notApplied"] == [
            {"operation": "TAX", "reason": "The customer is exempt from tax: Diplomatic mission"}
        ]


async def test_an_issued_invoice_keeps_its_tax_and_the_next_one_takes_the_new(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan_id = await plan(api)
        first = await billed(api, plan_id, taxRate="0.19")
        query = f"query($id: ID!) {{ invoice(id: $id) {{ id {SUMS} customer {{ id taxRate taxExemption }} }} }}"
        customer = (await api.gql(query, id=first["id"]))["invoice"]["customer"]
        assert (customer["taxRate"], customer["taxExemption"]) == ("0.19", None)
        fields = "customer { taxRate taxExemption }"
        update = {"id": customer["id"], "taxRate": None, "taxExemption": "Reverse charge"}
        changed = await api.mutate("customerUpdate", fields, **update)
        assert changed["customer"] == {"taxRate": None, "taxExemption": "Reverse charge"}
        kept = await api.mutate("customerUpdate", fields, id=customer["id"], name="Acme Inc.")
        assert kept["customer"] == changed["customer"]
        again = (await api.gql(query, id=first["id"]))["invoice"]
        assert {name: again[name] for name in first} == first
        given = {"customerId": customer["id"], "planId": plan_id, "allowConcurrent": True}
        payload = await api.mutate("subscriptionCreate", f"invoice {{ {SUMS} }}", **given)
        assert (payload["invoice"]["total"], payload["invoice"]["taxExemption"]) == (money("100.00"), "Reverse charge")


async def test_a_rate_above_one_is_refused_by_creating_and_by_changing(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", name="Acme", taxRate="0.19")
        before = await snapshot(api)
        wrong = {"taxRate": "19", "taxExemption": " "}
        expected = [("OUT_OF_RANGE", "taxRate"), ("BLANK", "taxExemption")]
        assert await api.refused("customerCreate", name="Acme", **wrong) == expected
        assert await api.refused("customerUpdate", id=customer, **wrong) == expected
        payload = await api.mutate("customerCreate", "customer { id }", name="Acme", taxRate="19")
        assert [error["message"] for error in payload["userErrors"]] == [
            "Must be 0 to 1, with at most 18 decimals: 0.19 is 19 %."
        ]
        assert await snapshot(api) == before
