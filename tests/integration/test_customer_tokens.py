"""Customer tokens: how they are made, how they end, and where they are refused."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from tests.support.api import Api, Statements, make_api

ME = "{ me { id name } }"
FIELDS = "customerToken { id createdAt expiresAt revokedAt customer { name } } secret replayed"


async def status(api: Api, query: str = ME) -> int:
    return (await api.post({"query": query})).status_code


async def test_a_token_shows_its_customer_for_a_quarter_of_an_hour(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        await api.make("customerCreate", name="Bob")
        made = await api.mutate("customerTokenCreate", FIELDS, customerId=ada)
        token = made["customerToken"]
        assert made["userErrors"] == []
        assert not made["replayed"]
        assert token["customer"] == {"name": "Ada"}
        assert (token["createdAt"], token["expiresAt"]) == ("2026-01-31T00:00:00Z", "2026-01-31T00:15:00Z")
        browser = replace(api, secret=made["secret"])
        assert await browser.gql(ME) == {"me": {"id": ada, "name": "Ada"}}
        api.clock.instant += timedelta(minutes=15, microseconds=-1)
        assert await status(browser) == 200
        api.clock.instant += timedelta(microseconds=1)
        assert await status(browser) == 401


async def test_a_key_is_nobody_in_particular(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.make("customerCreate", name="Ada")
        assert await api.gql(ME) == {"me": None}


@pytest.mark.parametrize(("ttl", "is_taken"), [(59, False), (60, True), (86_400, True), (86_401, False), (-1, False)])
async def test_a_token_lives_for_a_minute_to_a_day(database_url: str, ttl: int, is_taken: bool) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        made = await api.mutate("customerTokenCreate", "secret", customerId=ada, ttl=ttl)
        assert [(error["code"], error["field"]) for error in made["userErrors"]] == (
            [] if is_taken else [("OUT_OF_RANGE", "ttl")]
        )
        assert len(await api.rows(models.CustomerToken)) == int(is_taken)


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_made(database_url: str) -> None:
    async with make_api(database_url) as api:
        stranger = await (await api.another_merchant()).make("customerCreate", name="Eve")
        tried = await api.make("customerCreate", name="Ada")
        sandbox = await api.in_sandbox().make("customerCreate", name="Ada")
        for customer in (stranger, sandbox, tried[:-1] + ("0" if tried[-1] != "0" else "1"), "", "x"):
            made = await api.mutate("customerTokenCreate", FIELDS, customerId=customer, ttl=1)
            assert [(error["code"], error["field"]) for error in made["userErrors"]] == [
                ("NOT_FOUND", "customerId"), ("OUT_OF_RANGE", "ttl")
            ]  # fmt: skip
            assert made["secret"] is None
        assert await api.rows(models.CustomerToken) == []


async def test_a_secret_is_shown_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        given = {"customerId": ada, "ttl": 600, "idempotencyKey": "page-1"}
        first = await api.mutate("customerTokenCreate", FIELDS, **given)
        again = await api.mutate("customerTokenCreate", FIELDS, **given)
        assert again == {**first, "secret": None, "replayed": True}
        other = await api.mutate("customerTokenCreate", FIELDS, **{**given, "ttl": 601})
        assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
        assert len(await api.rows(models.CustomerToken)) == 1


async def test_no_table_holds_a_secret(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        browser = await api.as_customer(ada, idempotencyKey="page-1")
        await browser.gql(ME)
        [token] = await api.rows(models.CustomerToken)
        assert browser.secret.startswith("ct_")
        text = repr([row.model_dump() for row in await api.rows(*ALL_TABLES)])
        assert token.id in text
        assert browser.secret.removeprefix("ct_") not in text
        entries = [row for row in await api.rows(models.AuditEntry) if row.subject_id == token.id]
        assert [entry.change for entry in entries] == ["CREATE"]
        assert token.secret_hash not in repr([entry.model_dump() for entry in entries])


ALL_TABLES = (models.AuditEntry, models.IdempotencyRecord, models.CustomerToken, models.ApiKey)


async def test_a_revoked_token_is_refused_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        browser, other = await api.as_customer(ada), await api.as_customer(ada)
        [first, _] = sorted(await api.rows(models.CustomerToken), key=lambda row: row.id)
        for count in (1, 0):
            done = await api.mutate("customerTokenRevoke", "revokedCount", id=first.id)
            assert done == {"revokedCount": count, "userErrors": []}
            assert (await status(browser), await status(other)) == (401, 200)
        api.clock.instant += timedelta(minutes=1)
        [kept] = [row for row in await api.rows(models.CustomerToken) if row.id == first.id]
        assert kept.revoked_at == api.clock.instant - timedelta(minutes=1)


async def test_all_tokens_of_a_customer_end_together(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada, bob = [await api.make("customerCreate", name=name) for name in ("Ada", "Bob")]
        browsers = [await api.as_customer(ada) for _ in range(3)]
        other = await api.as_customer(bob)
        done = await api.mutate("customerTokenRevoke", "revokedCount", customerId=ada)
        assert done == {"revokedCount": 3, "userErrors": []}
        assert [await status(browser) for browser in (*browsers, other)] == [401, 401, 401, 200]
        done = await api.mutate("customerTokenRevoke", "revokedCount", customerId=ada)
        assert done["revokedCount"] == 0


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, [("INVALID", "id")]),
        ({"id": "x", "customerId": "x"}, [("INVALID", "id")]),
        ({"id": "x"}, [("NOT_FOUND", "id")]),
        ({"customerId": ""}, [("NOT_FOUND", "customerId")]),
    ],
)
async def test_what_names_no_token_revokes_none(
    database_url: str, given: dict[str, str], errors: list[tuple[str, str]]
) -> None:
    async with make_api(database_url) as api:
        browser = await api.as_customer(await api.make("customerCreate", name="Ada"))
        done = await api.mutate("customerTokenRevoke", "revokedCount", **given)
        assert [(error["code"], error["field"]) for error in done["userErrors"]] == errors
        assert await status(browser) == 200


async def test_another_merchant_revokes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        browser = await api.as_customer(ada)
        [token] = await api.rows(models.CustomerToken)
        for stranger in (await api.another_merchant(), api.in_sandbox()):
            for given in ({"id": token.id}, {"customerId": ada}):
                done = await stranger.mutate("customerTokenRevoke", "revokedCount", **given)
                assert [error["code"] for error in done["userErrors"]] == ["NOT_FOUND"]
        assert await status(browser) == 200


async def test_a_token_ends_with_the_key_that_made_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        fields = "apiKey { id } secret"
        soon = (api.clock.instant + timedelta(minutes=5)).isoformat()
        keys = [
            await api.mutate("apiKeyCreate", fields, name="page", scopes=["CUSTOMERS_READ"], expiresAt=expiry)
            for expiry in (None, soon)
        ]
        browsers = [await replace(api, secret=key["secret"]).as_customer(ada, ttl=3600) for key in keys]
        assert [await status(browser) for browser in browsers] == [200, 200]
        api.clock.instant += timedelta(minutes=5)
        assert [await status(browser) for browser in browsers] == [200, 401]
        await api.mutate("apiKeyRevoke", "apiKey { id }", id=keys[0]["apiKey"]["id"])
        assert [await status(browser) for browser in browsers] == [401, 401]


async def test_a_token_passes_on_no_more_than_its_key_may_read(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        billing = "{ me { invoices { totalCount } } }"
        narrow = await (await api.with_scopes(Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE)).as_customer(ada)
        wide = await (await api.with_scopes(Scope.CUSTOMERS_READ, Scope.BILLING_READ)).as_customer(ada)
        assert await narrow.code(billing) == "FORBIDDEN"
        assert await wide.gql(billing) == {"me": {"invoices": {"totalCount": 0}}}
        refused = 'mutation { customerTokenCreate(input: { customerId: "x" }) { secret } }'
        others = [scope for scope in Scope if scope not in {Scope.ALL, Scope.CUSTOMERS_READ}]
        assert await (await api.with_scopes(*others)).code(refused) == "FORBIDDEN"


async def test_a_token_belongs_to_the_environment_it_was_made_in(database_url: str) -> None:
    async with make_api(database_url) as api:
        sandbox = api.in_sandbox()
        for here, there in ((api, sandbox), (sandbox, api)):
            browser = await here.as_customer(await here.make("customerCreate", name="Ada"))
            assert await status(browser) == 200
            assert await status(replace(browser, path=there.path)) == 401


async def test_a_token_is_no_key_elsewhere(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        browser = await api.as_customer(ada)
        headers = {"authorization": f"Bearer {browser.secret}"}
        check = await api.client.get(f"/v0/entitlements/check?customerId={ada}&featureKey=x", headers=headers)
        body = {"customerId": ada, "featureKey": "x", "amount": "1"}
        consume = await api.client.post("/v0/entitlements/consume", json=body, headers=headers)
        nobody = await api.client.post("/v0/entitlements/consume", json=body, headers={"authorization": "Bearer ct_x"})
        assert [answer.status_code for answer in (check, consume, nobody)] == [401, 401, 401]
        assert consume.json() == nobody.json()


async def test_secrets_that_are_none_read_the_same(database_url: str) -> None:
    async with make_api(database_url) as api:
        browser = await api.as_customer(await api.make("customerCreate", name="Ada"))
        await api.mutate("customerTokenRevoke", "revokedCount", customerId=(await browser.gql(ME))["me"]["id"])
        tail = browser.secret.removeprefix("ct_")
        answers = [
            await replace(api, secret=secret).post({"query": ME})
            for secret in (browser.secret, f"sk_{tail}", f"ct_{tail[::-1]}", "ct_", tail, "ct_" + api.secret[3:])
        ]
        assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


async def test_a_token_changes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        browser = await api.as_customer(ada)
        rename = f'mutation {{ customerUpdate(input: {{ id: "{ada}", name: "Eve" }}) {{ customer {{ id }} }} }}'
        again = f'mutation {{ customerTokenCreate(input: {{ customerId: "{ada}" }}) {{ secret }} }}'
        for document in (rename, again, "mutation { __typename }"):
            assert await browser.code(document) == "FORBIDDEN"
        assert (await api.rows(models.Customer))[0].name == "Ada"
        assert len(await api.rows(models.CustomerToken)) == 1


async def test_the_key_behind_a_token_is_not_used_by_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        browser = await api.as_customer(await api.make("customerCreate", name="Ada"))
        before = await api.rows(models.ApiKey, models.CustomerToken)
        api.clock.instant += timedelta(minutes=2)
        assert await status(browser) == 200
        assert await api.rows(models.ApiKey, models.CustomerToken) == before


async def test_tokens_that_expired_a_day_ago_are_deleted_by_new_ones(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        given: dict[str, Any] = {"customerId": ada, "idempotencyKey": "page-0"}
        for number in range(25):
            await api.as_customer(ada, idempotencyKey=f"page-{number}")
        api.clock.instant += timedelta(days=1, minutes=15)
        await api.as_customer(ada)
        assert len(await api.rows(models.CustomerToken)) == 26
        replayed = await api.mutate("customerTokenCreate", FIELDS, **given)
        assert replayed["customerToken"]["customer"] == {"name": "Ada"}
        api.clock.instant += timedelta(microseconds=1)
        audited = len(await api.rows(models.AuditEntry))
        await api.as_customer(ada)
        assert len(await api.rows(models.CustomerToken)) == 7
        assert len(await api.rows(models.AuditEntry)) == audited + 1
        await api.as_customer(ada)
        assert len(await api.rows(models.CustomerToken)) == 3
        again = await api.mutate("customerTokenCreate", FIELDS, **given)
        assert (again["customerToken"], again["secret"], again["replayed"]) == (None, None, True)


async def test_a_tokens_link_to_an_invoice_lives_for_a_day(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="App")
        fee = await api.make("feeCreate", productId=product, name="Seat")
        price = await api.make(
            "priceCreate", target={"feeId": fee}, invoiceDisplayName="Seat", paymentTerm="IN_ADVANCE",
            model={"standard": {"unitPrice": "9"}},
        )  # fmt: skip
        plan = await api.make("planCreate", productId=product, name="Team", billingInterval="MONTHLY", priceIds=[price])
        ada = await api.make("customerCreate", name="Ada")
        await api.make("subscriptionCreate", customerId=ada, planId=plan)
        browser = await api.as_customer(ada)
        links = "{ me { invoices { nodes { year: pageUrl(validForDays: 365) unsaid: pageUrl } } } }"
        [invoice] = (await browser.gql(links))["me"]["invoices"]["nodes"]
        api.clock.instant += timedelta(days=1, seconds=-1)
        for link in invoice.values():
            assert (await api.client.get(link)).status_code == 200
        api.clock.instant += timedelta(seconds=1)
        for link in invoice.values():
            assert (await api.client.get(link)).status_code == 404


async def test_a_token_takes_one_look_up(database_url: str) -> None:
    async with make_api(database_url) as api:
        browser = await api.as_customer(await api.make("customerCreate", name="Ada"))
        with Statements() as statements:
            await browser.gql(ME)
        assert len(statements.seen) == 2


async def test_many_pages_get_tokens_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        ada = await api.make("customerCreate", name="Ada")
        for _ in range(30):
            await api.as_customer(ada)
        api.clock.instant += timedelta(days=2)
        browsers = await asyncio.gather(*(api.as_customer(ada) for _ in range(16)))
        assert len({browser.secret for browser in browsers}) == 16
        assert [await status(browser) for browser in browsers] == [200] * 16
        assert len(await api.rows(models.CustomerToken)) == 16
        given = {"customerId": ada, "idempotencyKey": "page-1"}
        made = await asyncio.gather(*(api.mutate("customerTokenCreate", FIELDS, **given) for _ in range(16)))
        assert sorted(one["replayed"] for one in made) == [False] + [True] * 15
        assert [one["secret"] for one in made].count(None) == 15
        assert len({one["customerToken"]["id"] for one in made}) == 1


async def test_another_process_knows_at_once_that_a_token_was_revoked(database_url: str) -> None:
    async with make_api(database_url) as one, make_api(database_url) as other:
        ada = await one.make("customerCreate", name="Ada")
        there = replace(other, secret=(await one.as_customer(ada)).secret)
        assert await there.gql(ME) == {"me": {"id": ada, "name": "Ada"}}
        await one.mutate("customerTokenRevoke", "revokedCount", customerId=ada)
        assert await status(there) == 401
