"""billgraph worker."""

import asyncio
import signal

import typer

from app.cli.database import speaking_to_database
from app.cli.environment import read_settings
from app.cli.terminal import fail
from app.clock import SystemClock
from app.collector import spare_collector
from app.db import Sessions, open_engine
from app.logs import configure_logs
from app.migrate import is_current
from app.services.audit import start_recording
from app.settings import Settings
from app.worker.counting import count_forever
from app.worker.loop import work_forever


def worker() -> None:
    """Count events and bill what falls due, without serving; as many beside each other as you like, on PostgreSQL."""
    settings = read_settings()
    if settings.database_url.startswith("sqlite"):
        fail("SQLite is counted and billed by the process that serves it. Set BILLGRAPH_DATABASE_URL to PostgreSQL.")
    with speaking_to_database():
        current = is_current(settings.database_url)
    if not current:
        fail("The database's schema is not up to date. Run: billgraph migrate")
    configure_logs()
    typer.echo("counting and billing")
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    """Work until a signal says to stop; the transaction at hand ends first, or is undone and left to others."""
    start_recording()
    spare_collector()
    sessions = Sessions(open_engine(settings.database_url), SystemClock())
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    loops = (count_forever(sessions), work_forever(sessions, settings.worker_interval))
    tasks = [asyncio.create_task(one) for one in loops]
    await stopping.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sessions.engine.dispose()
