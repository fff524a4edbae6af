import pytest
from tests.support.api import make_api
async def test_x(database_url):
    async with make_api(database_url) as api:
        print(await api.answer('mutation CreateClock { testClockCreate(input: { name: "quickstart", now: "2026-01-31T00:00:00Z" }) { testClock { id now } userErrors { code field message } } }'))
