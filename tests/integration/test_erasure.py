"""Erasing a customer: what it takes away, what it leaves, and what stands in its way."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from app import models
from app.billing.access import Scope
from app.services import customer_tokens
from app.services.lookup import locked_all
from tests.support.api import Api, make_api
from tests.support.story import Story, fee, standard, tell, usage

FIRST = {
    "externalId": "jane-canary",
    "name": "Jane Canary",
    "email": "jane@canary.example",
    "address": {"line1": "Canary Row 1", "city": "Canarytown", "country": "US"},
    "taxId": "CANARY-TAX",
    "taxRate": "0.19",
    "taxExemption": "Canary certificate",
    "metadata": {"crm": "canary-crm"},
}
ENTRIES = """query($filter: AuditEntryFilter) { auditEntries(first: 100, filter: $filter) { nodes {
  change noun subjectId isErased before after actor { kind name } } } }"""
ERASE = "customer { id name externalId email address { line1 } taxId taxExemption taxRate metadata erasedAt }"


async def everything(api: Api) -> str:
    """All columns of all tables as one text, invoices aside: these keep whom they were issued to."""
    found = []
    async with api.sessions.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            if table.name != "invoice":
                found += [str(tuple(row)) for row in await session.execute(select(table))]
    return "\n".join(found).lower()


async def entries(api: Api, **filter: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.gql(ENTRIES, filter=filter))["auditEntries"]["nodes"]
    return found


async def test_what_is_personal_goes_and_the_log_stays(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", **FIRST)
        await api.mutate("customerUpdate", "customer { id }", id=customer, name="Jane Doe Canary", locale="de-AT")
        before = await entries(api, subjectIds=[customer])
        assert before[0]["after"]["email"] == "jane@canary.example"
        assert before[1]["before"] == {"name": "Jane Canary", "locale": None}
        assert before[1]["after"] == {"name": "Jane Doe Canary", "locale": "de-AT"}
        assert [entry["isErased"] for entry in before] == [False, False]
        erased = await api.mutate("customerErase", ERASE, id=customer)
        assert erased == {
            "customer": {
                "id": customer, "name": "[erased]", "externalId": None, "email": None, "address": None, "taxId": None,
                "taxExemption": "[erased]", "taxRate": "0.19", "metadata": {}, "erasedAt": "2026-01-31T00:00:00Z",
            },
            "userErrors": [],
        }  # fmt: skip
        created, updated, erasure = await entries(api, subjectIds=[customer])
        assert [entry["isErased"] for entry in (created, updated, erasure)] == [True] * 3
        personal = {"externalId", "name", "email", "address", "taxId", "taxExemption", "metadata"}
        assert {name for name, item in created["after"].items() if item == "[erased]"} == personal
        assert created["after"]["taxRate"] == "0.19"
        assert updated["before"] == {"name": "[erased]", "locale": None}
        assert updated["after"] == {"name": "[erased]", "locale": "de-AT"}
        assert (erasure["change"], erasure["actor"]["kind"]) == ("ERASE", "API_KEY")
        assert erasure["before"] == {**dict.fromkeys(personal, "[erased]"), "erasedAt": None}
        assert erasure["after"]["erasedAt"] == "2026-01-31T00:00:00+00:00"
        for old, new in zip(before, (created, updated), strict=True):
            told = ("change", "noun", "subjectId", "actor")
            assert {name: old[name] for name in told} == {name: new[name] for name in told}
            assert [old[side].keys() for side in ("before", "after")] == [
                new[side].keys() for side in ("before", "after")
            ]
        assert "canary" not in await everything(api)


async def test_another_customer_keeps_its_data(database_url: str) -> None:
    async with make_api(database_url) as api:
        one = await api.make("customerCreate", **FIRST)
        other = await api.make("customerCreate", **{**FIRST, "externalId": "other"})
        await api.mutate("customerErase", "customer { id }", id=one)
        [entry] = await entries(api, subjectIds=[other])
        assert (entry["isErased"], entry["after"]["name"]) == (False, "Jane Canary")
        # Its external id is free for whoever comes next.
        await api.make("customerCreate", **FIRST)


async def subscribed(story: Story) -> None:
    await story.sell({"platform": fee("49"), "calls": usage(standard("1"))})
    await story.subscribe()
    await story.pay()


async def test_what_is_in_the_way_is_named_and_nothing_is_erased(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z", email="jane@canary.example") as story:
        await subscribed(story)
        api, customer = story.api, story.customer_id
        rows = await everything(api)
        [refused] = (await api.mutate("customerErase", "customer { id }", id=customer))["userErrors"]
        assert (refused["code"], refused["field"]) == ("IN_USE", "id")
        assert story.subscription_id in refused["message"]
        assert await everything(api) == rows
        await story.use("2026-01-02T00:00:00Z")
        await story.until("2026-01-03T00:00:00Z")
        await story.end(at="NOW")
        [draft] = [row.id for row in await api.rows(models.Invoice) if row.status == "DRAFT"]
        [refused] = (await api.mutate("customerErase", "customer { id }", id=customer))["userErrors"]
        assert (refused["code"], draft in refused["message"]) == ("IN_USE", True)
        await story.until("2026-01-04T00:00:00Z")
        assert (await api.mutate("customerErase", "customer { name }", id=customer))["customer"] == {"name": "[erased]"}


async def test_invoices_keep_whom_they_were_issued_to_and_their_entries_do_not(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z", email="jane@canary.example") as story:
        await subscribed(story)
        api, customer = story.api, story.customer_id
        await story.end(at="NOW")
        await story.until("2026-01-03T00:00:00Z")
        issued = [entry for entry in await entries(api, nouns=["Invoice"]) if "billedTo" in entry["after"]]
        assert "jane@canary.example" in str(issued)
        erased = await api.mutate("customerErase", "customer { name }", id=customer)
        assert erased == {"customer": {"name": "[erased]"}, "userErrors": []}
        for entry in await entries(api, nouns=["Invoice"]):
            assert "canary" not in str(entry)
            assert entry["isErased"] == (entry["after"].get("billedTo") == "[erased]")
        invoices = await api.gql("{ invoices { nodes { billedTo { name email } } } }")
        assert {"billedTo": {"name": "Acme", "email": "jane@canary.example"}} in invoices["invoices"]["nodes"]
        assert "canary" not in await everything(api)


async def test_a_repeat_changes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", **FIRST)
        first = await api.mutate("customerErase", ERASE, id=customer)
        rows = await everything(api)
        api.clock.instant = api.clock.instant.replace(year=2027)
        assert await api.mutate("customerErase", ERASE, id=customer) == first
        assert len(await entries(api, subjectIds=[customer], changes=["ERASE"])) == 1
        assert (await everything(api)).count("\n") == rows.count("\n")


async def test_who_is_erased_can_not_be_changed_nor_sold_anything(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await story.sell({"platform": fee("49")})
        api, customer = story.api, story.customer_id
        await api.mutate("customerErase", "customer { id }", id=customer)
        assert await api.refused("customerUpdate", id=customer, name="Jane") == [("CUSTOMER_ERASED", "id")]
        subscribe = {"customerId": customer, "planId": "plan"}
        assert await api.refused("subscriptionCreate", **subscribe) == [("CUSTOMER_ERASED", "customerId")]
        feature = await api.make("featureCreate", key="f", productId="api", name="F", kind="BOOLEAN")
        grant = {"customerId": customer, "featureId": feature, "terms": {"boolean": True}}
        assert await api.refused("entitlementCreate", **grant) == [("CUSTOMER_ERASED", "customerId")]
        assert await api.rows(models.Subscription, models.Entitlement) == []


async def test_who_subscribes_at_the_same_time_is_first_or_refused(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await story.sell({"platform": fee("49")})
        api = story.api
        for _ in range(6):
            customer = await api.make("customerCreate", name="Racer")
            subscribed, erased = await asyncio.gather(
                api.mutate("subscriptionCreate", "subscription { id }", customerId=customer, planId="plan"),
                api.mutate("customerErase", "customer { id }", id=customer),
            )
            codes = [[error["code"] for error in one["userErrors"]] for one in (subscribed, erased)]
            assert codes in ([[], ["IN_USE"]], [["CUSTOMER_ERASED"], []])


async def test_an_invoice_that_is_issued_at_the_same_time_leaves_nothing_behind(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z", email="jane@canary.example") as story:
        await subscribed(story)
        await story.end(at="NOW")
        await story.until("2026-01-03T00:00:00Z")
        api = story.api
        [subscription] = await api.rows(models.Subscription)
        async with api.sessions.begin() as session:  # as who issues a supplement does
            await locked_all(session, models.Subscription, subscription.environment_id, [subscription.id])
            customer = await session.get_one(models.Customer, (subscription.environment_id, story.customer_id))
            invoice = (await session.scalars(select(models.Invoice))).first()
            assert invoice is not None
            erasing = asyncio.create_task(api.mutate("customerErase", "customer { name }", id=story.customer_id))
            await asyncio.wait([erasing], timeout=2)  # it ends only if it waits for nobody
            invoice.billed_to = {"name": "Acme", "email": customer.email, "again": True}
        assert (await erasing)["customer"] == {"name": "[erased]"}
        assert await api.rows(models.AuditPersonalData) == []
        assert "canary" not in await everything(api)


async def test_only_ones_own_customers_can_be_erased_and_with_the_scope(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", **FIRST)
        for other in (await api.another_merchant(), api.in_sandbox()):
            refused = await other.mutate("customerErase", "customer { id }", id=customer)
            assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("NOT_FOUND", "id")]
        query = "mutation($id: ID!) { customerErase(input: { id: $id }) { userErrors { code } } }"
        reader = await api.with_scopes(Scope.CUSTOMERS_READ)
        assert await reader.code(query, id=customer) == "FORBIDDEN"
        [row] = await api.rows(models.Customer)
        assert row.erased_at is None


async def test_personal_data_can_only_go_with_an_erasure(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", **FIRST)
        for statement in ("DELETE FROM audit_personal_data", "UPDATE audit_personal_data SET customer_id = 'x'"):
            assert await refuses(api, statement)
        [row] = await api.rows(models.AuditPersonalData)
        assert row.after["name"] == "Jane Canary"
        await api.mutate("customerErase", "customer { id }", id=customer)
        for value in ("NULL", "'2030-01-01'"):
            assert await refuses(api, f"UPDATE customer SET erased_at = {value}")
        async with api.sessions.begin() as session:  # what changes nothing is no harm
            await session.execute(text("UPDATE customer SET erased_at = erased_at"))


async def refuses(api: Api, statement: str) -> bool:
    try:
        async with api.sessions.begin() as session:
            await session.execute(text(statement))
    except IntegrityError:
        return True
    return False


async def test_no_token_is_made_while_its_customer_is_erased(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, where both run at once. What comes second waits, and so sees what the first did."""
    async with make_api(database_url) as api:
        customer, erasing = await api.make("customerCreate", **FIRST), list[asyncio.Task[Any]]()
        sweep = customer_tokens._sweep

        async def erased_meanwhile(*given: Any) -> None:
            erasing.append(asyncio.create_task(api.mutate("customerErase", "customer { name }", id=customer)))
            if api.sessions.engine.dialect.name == "postgresql":
                done, _ = await asyncio.wait(erasing, timeout=0.3)
                assert not done
            await sweep(*given)

        monkeypatch.setattr(customer_tokens, "_sweep", erased_meanwhile)
        made = await api.mutate("customerTokenCreate", "secret", customerId=customer)
        assert (await erasing[0])["customer"] == {"name": "[erased]"}
        assert (await replace(api, secret=made["secret"]).post({"query": "{ me { id } }"})).status_code == 401
