"""Who bills whom: addresses, tax ids and locales, and the copies of them that invoices keep."""

from datetime import UTC, datetime
from typing import Any

from app import models
from tests.support.api import Api, make_api

BERLIN = {"line1": "Example Street 1", "line2": None, "city": "Berlin", "postalCode": "10115", "region": None}
BERLIN |= {"country": "DE"}
WIEN = {"line1": "Beispielgasse 2", "line2": "Top 3", "city": "Wien", "postalCode": "1010", "region": None}
WIEN |= {"country": "AT"}
ADDRESS = "address { line1 line2 city postalCode region country }"
PARTY = f"{{ name {ADDRESS} taxId locale }}"


async def subscribe(api: Api, customer: str, **subscription: Any) -> None:
    """Subscribe a customer to a fee of 49.00 in advance, so that Invoice 0 is issued at once."""
    product = await api.make("productCreate", name="Engine")
    fee = await api.make("feeCreate", productId=product, name="Platform")
    price = await api.make(
        "priceCreate",
        target={"feeId": fee},
        invoiceDisplayName="Platform fee",
        paymentTerm="IN_ADVANCE",
        model={"standard": {"unitPrice": "49"}},
    )
    plan = {"name": "Pro", "billingInterval": "MONTHLY", "billingVersion": 1, "priceIds": [price]}
    plan_id = await api.make("planCreate", productId=product, **plan)
    await api.make("subscriptionCreate", customerId=customer, planId=plan_id, **subscription)


async def copies(api: Api) -> list[dict[str, Any]]:
    """Return the parties of all invoices, in their order."""
    parties = f"billedTo {{ email name {ADDRESS} taxId locale }} billedFrom {{ name {ADDRESS} taxId }}"
    nodes: list[dict[str, Any]] = (await api.gql(f"{{ invoices {{ nodes {{ status {parties} }} }} }}"))["invoices"][
        "nodes"
    ]
    return nodes


async def test_addresses_are_given_replaced_and_taken_away(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"name": "Acme", "address": BERLIN, "taxId": "DE1", "locale": "de"}
        made = await api.mutate("customerCreate", f"customer {{ id name {ADDRESS} taxId locale }}", **given)
        customer = made["customer"].pop("id")
        assert made["customer"] == given
        changed = await api.mutate("customerUpdate", f"customer {PARTY}", id=customer, address=WIEN, locale=None)
        assert changed["customer"] == given | {"address": WIEN, "locale": None}
        cleared = await api.mutate("customerUpdate", f"customer {PARTY}", id=customer, address=None, taxId=None)
        assert cleared["customer"] == {"name": "Acme", "address": None, "taxId": None, "locale": None}
        founded = (await api.gql(f"{{ merchant {PARTY} }}"))["merchant"]
        assert founded == {"name": "Example Inc.", "address": None, "taxId": None, "locale": "en"}
        moved = await api.mutate("merchantUpdate", f"merchant {PARTY}", address=WIEN, taxId="ATU1", locale="de-AT")
        assert moved["merchant"] == {"name": "Example Inc.", "address": WIEN, "taxId": "ATU1", "locale": "de-AT"}


async def test_what_does_not_exist_is_refused_with_its_path_and_nothing_is_written(database_url: str) -> None:
    async with make_api(database_url) as api:
        nowhere = BERLIN | {"country": "XX", "city": "\u202eBerlin", "line2": "x" * 256}
        places = [("TOO_LONG", "address.line2"), ("INVALID", "address.city"), ("INVALID", "address.country")]
        problems = [*places, ("BLANK", "taxId"), ("INVALID", "locale")]
        wrong: dict[str, Any] = {"address": nowhere, "taxId": "", "locale": "xx"}
        assert await api.refused("customerCreate", name="Acme", **wrong) == problems
        assert await api.rows(models.Customer) == []
        customer = await api.make("customerCreate", name="Acme")
        before = [row.model_dump() for row in await api.rows(models.Customer, models.Merchant)]
        assert await api.refused("customerUpdate", id=customer, **wrong) == problems
        assert await api.refused("merchantUpdate", **wrong) == problems
        assert await api.refused("merchantUpdate", locale=None) == [("BLANK", "locale")]
        assert [row.model_dump() for row in await api.rows(models.Customer, models.Merchant)] == before


async def test_the_same_address_is_the_same_input(database_url: str) -> None:
    async with make_api(database_url) as api:
        given: dict[str, Any] = {"name": "Acme", "address": BERLIN, "idempotencyKey": "acme"}
        first = await api.make("customerCreate", **given)
        assert await api.make("customerCreate", **given) == first
        refused = await api.refused("customerCreate", **given | {"address": WIEN})
        assert refused == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        assert len(await api.rows(models.Customer)) == 1


async def test_an_issued_invoice_keeps_its_parties(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.mutate("merchantUpdate", "merchant { id }", address=BERLIN, taxId="DE1", locale="de")
        customer = await api.make("customerCreate", name="Acme", email="a@acme.example", address=WIEN, taxId="ATU1")
        await subscribe(api, customer)
        issued = {
            "status": "ISSUED",
            "billedTo": {
                "name": "Acme", "email": "a@acme.example", "address": WIEN, "taxId": "ATU1", "locale": "de",
            },
            "billedFrom": {"name": "Example Inc.", "address": BERLIN, "taxId": "DE1"},
        }  # fmt: skip
        assert await copies(api) == [issued]
        await api.mutate("merchantUpdate", "merchant { id }", name="Other", address=None, taxId=None, locale="fr")
        await api.mutate("customerUpdate", "customer { id }", id=customer, name="Else", address=BERLIN, locale="ja")
        assert await copies(api) == [issued]


async def test_a_draft_takes_its_parties_when_it_is_issued(database_url: str) -> None:
    async with make_api(database_url) as api:
        clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
        customer = await api.make("customerCreate", name="Acme", testClockId=clock, address=BERLIN)
        await subscribe(api, customer)
        [first] = await api.rows(models.Invoice)
        await api.mutate("invoiceRecordPayment", "payment { id }", invoiceId=first.id, method="cash")
        await api.mutate("testClockAdvance", "testClock { id }", id=clock, to="2026-02-28T00:30:00Z")
        [_, draft] = await copies(api)
        assert (draft["status"], draft["billedTo"]["name"], draft["billedTo"]["address"]) == ("DRAFT", "Acme", BERLIN)
        assert draft["billedFrom"] == {"name": "Example Inc.", "address": None, "taxId": None}
        await api.mutate("customerUpdate", "customer { id }", id=customer, name="Acme 2", address=WIEN, locale="de")
        await api.mutate("merchantUpdate", "merchant { id }", name="Example AG", taxId="CHE-1")
        await api.mutate("testClockAdvance", "testClock { id }", id=clock, to="2026-02-28T01:30:00Z")
        [_, issued] = await copies(api)
        copied = {"email": None, "name": "Acme 2", "address": WIEN, "taxId": None, "locale": "de"}
        assert (issued["status"], issued["billedTo"]) == ("ISSUED", copied)
        assert issued["billedFrom"] == {"name": "Example AG", "address": None, "taxId": "CHE-1"}
        [_, row] = await api.rows(models.Invoice)
        assert row.issued_at == datetime(2026, 2, 28, 1, tzinfo=UTC)
