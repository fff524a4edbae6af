"""Refusals across objects and environments: everything that does not fit a plan, keys in use, what is foreign."""

from app import models
from tests.integration.test_api_catalog import a_fee_price
from tests.support.api import make_api


async def test_all_problems_of_a_plan_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        other = await api.make("productCreate", name="Other")
        price = await a_fee_price(api, product, currency="EUR")
        foreign = await a_fee_price(api, other, currency="USD")
        found = await api.refused(
            "planCreate",
            productId=product,
            name="",
            billingInterval="MONTHLY",
            currency="USD",
            billingVersion=0,
            priceIds=[price, "absent", foreign],
        )
        assert found == [
            ("BLANK", "name"),
            ("UNSUPPORTED", "billingVersion"),
            ("CURRENCY_MISMATCH", "priceIds.0"),
            ("NOT_FOUND", "priceIds.1"),
            ("PRODUCT_MISMATCH", "priceIds.2"),
        ]
        assert await api.rows(models.Plan, models.PlanVersion, models.PlanVersionPrice) == []


async def test_keys_and_external_ids_are_unique_within_an_environment(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.make("productCreate", name="Engine", key="engine")
        assert await api.refused("productCreate", name="Other", key="engine") == [("TAKEN", "key")]
        await api.make("customerCreate", name="Acme", externalId="acme-1")
        assert await api.refused("customerCreate", name="", externalId="acme-1") == [
            ("TAKEN", "externalId"),
            ("BLANK", "name"),
        ]
        sandbox = api.in_sandbox()
        await sandbox.make("productCreate", name="Engine", key="engine")
        await sandbox.make("customerCreate", name="Acme", externalId="acme-1")


async def test_what_is_foreign_reads_like_what_never_was(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        sandbox = api.in_sandbox()
        for absent in (product, "prod_00000000000000000000000000", "engine", "x" * 3000, ""):
            assert await sandbox.refused("productUpdate", id=absent, name="Mine") == [("NOT_FOUND", "id")]
            assert await sandbox.refused("feeCreate", productId=absent, name="Fee") == [("NOT_FOUND", "productId")]
        assert [row.name for row in await api.rows(models.Product)] == ["Engine"]
