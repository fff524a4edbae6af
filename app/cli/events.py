"""billgraph events export, import."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.client import Api
from app.cli.event_export import export_to_file, export_to_stream
from app.cli.event_import import import_file, import_stream
from app.cli.target import DEFAULT_URL, STANDARD, KeyOption, SandboxOption, UrlOption, find_target
from app.cli.terminal import say, standard_input, standard_output

events_cli = typer.Typer(no_args_is_help=True, help="Events of a running server as lines of JSON: export, import.")


@events_cli.command(name="export")
def export_events(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - is stdout.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted export stopped.")] = False,  # noqa: FBT002 - a flag
    url: UrlOption = DEFAULT_URL,
    key: KeyOption = None,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Write every stored event as one line, in the form in which it can be sent again.

    The lines come in the order of the events' ids. Events received while it runs may be missing. FILE.cursor says how
    far it came and goes when it is complete. Customers that events name by our ids (subject) are known in their own
    environment only; the externalSubject is known wherever you use it.
    """
    with Api(find_target(url, key, sandbox=sandbox)) as api:
        if file == STANDARD:
            count = export_to_stream(api, standard_output())
        else:
            count = export_to_file(api, Path(file), resume=resume)
    say(f"{count} events exported")


@events_cli.command(name="import")
def import_events(
    file: Annotated[str, typer.Argument(metavar="FILE", help="One JSON object a line; - is stdin.")],
    in_flight: Annotated[int, typer.Option(min=1, max=64, help="How many are sent at the same time.")] = 16,
    url: UrlOption = DEFAULT_URL,
    key: KeyOption = None,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Send every line of FILE to POST /v0/events.

    A repeat counts once, by its idempotencyKey. A line without one gets a key made of its text and of how often that
    text came before in FILE, so that a second import counts once too; a line of another file with the same text is then
    the same event. Keys for what comes from stdin are made anew in each run: what is sent again counts again.

    FILE.progress says how far an interrupted import came; the same command goes on there. Lines that are no event or
    are refused do not stop the others: FILE.rejected lists them with their reasons, and the exit code is 1.
    """
    with Api(find_target(url, key, sandbox=sandbox)) as api:
        if file == STANDARD:
            tally = import_stream(api, standard_input(), None, in_flight)
        else:
            tally = import_file(api, Path(file), in_flight)
    say(tally.summary)
    if tally.rejected:
        raise typer.Exit(1)
