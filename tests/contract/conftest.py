from collections.abc import AsyncIterator

import pytest

from app.api.events import EventsEndpoint
from app.metering.intake import Intake
from app.models import EnvironmentKind
from app.settings import Settings
from tests.support.events_api import Api, client_of
from tests.support.rows import FixedClock, make_world, opened


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    clock = FixedClock()
    async with opened(database_url, clock) as sessions:
        world = await make_world(sessions)
        endpoint = EventsEndpoint(Intake(sessions, Settings()), EnvironmentKind.LIVE)
        async with client_of(endpoint) as client:
            api = Api(world, clock, client, await world.api_key())
            assert (await api.post({})).status_code == 400  # from now on the key is known
            yield api
