"""Links to pages of invoices by GraphQL: who gets one, how long it works, and that no secret goes with it."""

from datetime import timedelta
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from tests.support.api import Api, Statements, make_api
from tests.support.crowd import SIZE, fill
from tests.support.printed import Page

PAGE_URL = "query($id: ID!, $days: Int! = 30) { invoice(id: $id) { pageUrl(validForDays: $days) } }"


async def issued(api: Api, **customer: Any) -> str:
    """Make an invoice of 49.00 and return its id."""
    product = await api.make("productCreate", name="Engine")
    fee = await api.make("feeCreate", productId=product, name="Platform")
    price = {"target": {"feeId": fee}, "invoiceDisplayName": "Platform fee", "paymentTerm": "IN_ADVANCE"}
    price_id = await api.make("priceCreate", **price, model={"standard": {"unitPrice": "49"}})
    plan = {"name": "Pro", "billingInterval": "MONTHLY", "billingVersion": 1, "priceIds": [price_id]}
    plan_id = await api.make("planCreate", productId=product, **plan)
    customer_id = await api.make("customerCreate", **{"name": "Acme", **customer})
    await api.make("subscriptionCreate", customerId=customer_id, planId=plan_id)
    invoices = (await api.gql("{ invoices { nodes { id } } }"))["invoices"]["nodes"]
    return str(invoices[-1]["id"])


async def page_url(api: Api, invoice_id: str, **given: Any) -> str:
    return str((await api.gql(PAGE_URL, id=invoice_id, **given))["invoice"]["pageUrl"])


async def test_a_link_opens_the_page_without_a_key_until_it_expires(database_url: str) -> None:
    async with make_api(database_url) as api:
        invoice = await issued(api)
        default = (await api.gql("query($id: ID!) { invoice(id: $id) { pageUrl } }", id=invoice))["invoice"]["pageUrl"]
        assert default == await page_url(api, invoice, days=30)
        assert default.startswith("/invoices/org_")
        for days in (1, 30, 365):
            url = await page_url(api, invoice, days=days)
            begun = api.clock.instant
            api.clock.instant = begun + timedelta(days=days, microseconds=-1)
            answer = await api.client.get(url)
            assert answer.status_code == 200
            assert Page(answer.text).within("h1") == ["Invoice INV-000001"]
            api.clock.instant = begun + timedelta(days=days)
            assert (await api.client.get(url)).status_code == 404
            api.clock.instant = begun


@pytest.mark.parametrize("days", [-1, 0, 366])
async def test_a_link_is_for_a_day_to_a_year(database_url: str, days: int) -> None:
    async with make_api(database_url) as api:
        answer = await api.answer(PAGE_URL, id=await issued(api), days=days)
        assert answer["errors"][0]["message"] == "validForDays: Must be 1 to 365 days."
        assert answer["errors"][0]["extensions"] == {"code": "BAD_INPUT"}


async def test_the_public_address_comes_first_whatever_host_a_request_names(database_url: str) -> None:
    async with make_api(database_url, public_url="https://example.com/billing/") as api:
        invoice = await issued(api)
        api.headers["host"] = "evil.example"
        url = await page_url(api, invoice)
        assert url.startswith("https://example.com/billing/invoices/org_")
        path = url.removeprefix("https://example.com/billing")
        assert (await api.client.get(path, headers={"host": "evil.example"})).status_code == 200


async def test_a_link_of_the_sandbox_works_there_only(database_url: str) -> None:
    async with make_api(database_url) as api:
        live, sandbox = await issued(api), await issued(api.in_sandbox())
        url = await page_url(api.in_sandbox(), sandbox)
        assert url.startswith("/sandbox/invoices/org_")
        page = Page((await api.client.get(url)).text)
        assert page.within("h1") == ["Invoice SANDBOX-INV-000001"]
        assert "no real money is owed" in page.text
        assert (await api.client.get(url.removeprefix("/sandbox"))).status_code == 404
        assert (await api.client.get(f"/sandbox{await page_url(api, live)}")).status_code == 404


async def test_only_who_may_read_an_invoice_gets_a_link(database_url: str) -> None:
    async with make_api(database_url) as api:
        invoice = await issued(api)
        assert (await (await api.another_merchant()).gql(PAGE_URL, id=invoice))["invoice"] is None
        assert (await api.in_sandbox().gql(PAGE_URL, id=invoice))["invoice"] is None
        assert await (await api.with_scopes(Scope.CATALOG_READ)).code(PAGE_URL, id=invoice) == "FORBIDDEN"
        reader = await api.with_scopes(Scope.BILLING_READ)
        assert await page_url(reader, invoice) == await page_url(api, invoice)


async def test_later_changes_leave_the_page_of_an_issued_invoice_as_it_was(database_url: str) -> None:
    async with make_api(database_url) as api:
        address = {"line1": "Example Street 1", "city": "Berlin", "country": "DE"}
        await api.mutate("merchantUpdate", "merchant { id }", address=address, taxId="DE1", locale="de")
        invoice = await issued(api, address=address, taxId="DE2")
        url = await page_url(api, invoice)
        before = (await api.client.get(url)).text
        assert "Tax ID: DE1" in Page(before).text
        assert "31. Januar 2026" in Page(before).within("time")
        [customer] = await api.rows(models.Customer)
        other: dict[str, Any] = {"name": "Else", "address": None, "taxId": None}
        await api.mutate("merchantUpdate", "merchant { id }", **other, locale="ja", timezone="Asia/Tokyo")
        await api.mutate("customerUpdate", "customer { id }", id=customer.id, **other, locale="fr", email="a@b.example")
        assert (await api.client.get(url)).text == before
        await api.mutate("invoiceRecordPayment", "payment { id }", invoiceId=invoice, method="cash")
        assert "Paid on 31. Januar 2026" in Page((await api.client.get(url)).text).text


async def test_the_secret_stays_in_its_table(database_url: str) -> None:
    async with make_api(database_url) as api:
        invoice = await issued(api)
        await page_url(api, invoice)
        secrets = [row.page_secret for row in await api.rows(models.Environment)]
        entries = [entry.model_dump_json() for entry in await api.rows(models.AuditEntry)]
        founded = [entry for entry in entries if '"noun":"Environment"' in entry]
        assert (len(set(secrets)), len(founded)) == (2, 2)
        assert not any(secret in entry for secret in secrets for entry in entries)
        assert not any("page_secret" in entry for entry in entries)
        answer = await api.answer("{ __schema { types { name fields { name } } } }")
        names = [field["name"] for kind in answer["data"]["__schema"]["types"] for field in kind["fields"] or ()]
        assert ("pageUrl" in names, "pageSecret" in names) == (True, False)


async def test_links_of_many_invoices_take_the_statements_of_one(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        await api.gql("{ merchant { id } }")
        counts = []
        for size in (1, SIZE):
            with Statements() as counted:
                data = await api.gql(f"{{ invoices(first: {size}) {{ nodes {{ pageUrl }} }} }}")
            counts.append(len(counted.seen))
            assert len({node["pageUrl"] for node in data["invoices"]["nodes"]}) == size
        assert counts[0] == counts[1]
