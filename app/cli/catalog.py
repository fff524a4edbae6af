"""billgraph catalog plan, apply, export: a catalog kept as a file."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from graphql import GraphQLInputType

from app.cli.catalog_file import (
    CatalogFile,
    FileFormat,
    format_of,
    load_catalog,
    write_catalog,
)
from app.cli.catalog_report import has_changes, show_changes
from app.cli.client import Api
from app.cli.state_file import replace_file
from app.cli.target import DEFAULT_URL, STANDARD, CommandError, KeyOption, SandboxOption, UrlOption, find_target
from app.cli.terminal import say, standard_output

APPLY = """
mutation CatalogApply($input: CatalogApplyInput!) {
  catalogApply(input: $input) {
    dryRun
    changes {
      action
      noun
      key
      object { id }
      fields { field before after }
      affected { subscriptionCount customers { id name } }
    }
    userErrors { code field message }
  }
}
"""
EXPORT = "{ catalogExport }"
#: 2 is a wrong command line.
CHANGES_PENDING = 3
_encoder = msgspec.json.Encoder(decimal_format="number")

catalog_cli = typer.Typer(
    no_args_is_help=True, help="The catalog of a running server as a file, YAML or JSON: plan, apply, export."
)
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="Ends in .yaml or .json; - is stdin.")]
FormatOption = Annotated[
    FileFormat | None, typer.Option("--format", help="What FILE is, where its name does not say it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what the server answers as JSON.")]


@catalog_cli.command()
def plan(
    file: FileArgument,
    form: FormatOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 where something would change.")] = False,  # noqa: FBT002 - a flag
    url: UrlOption = DEFAULT_URL,
    key: KeyOption = None,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Show what applying FILE would change, and whom it would affect. Nothing is changed.

    + is created, ~ changed, ^ gets a new version, * is restored, - archived.
    """
    catalog = load_catalog(file, form, catalog_type())
    with Api(find_target(url, key, sandbox=sandbox)) as api:
        changes = _apply(api, catalog, dry_run=True, as_json=as_json)
    if exit_code and has_changes(changes):
        raise typer.Exit(CHANGES_PENDING)


@catalog_cli.command()
def apply(
    file: FileArgument,
    form: FormatOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,  # noqa: FBT002 - a flag
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
    url: UrlOption = DEFAULT_URL,
    key: KeyOption = None,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Make the catalog what FILE says, all of it or nothing. Asks before anything is changed."""
    if as_json and not yes:
        raise CommandError("--json needs --yes: a script that reads the answer can't be asked.")
    if not yes and (file == STANDARD or not console_is_answered()):
        raise CommandError("Nobody can be asked here: look at `billgraph catalog plan`, then apply with --yes.")
    catalog = load_catalog(file, form, catalog_type())
    with Api(find_target(url, key, sandbox=sandbox)) as api:
        if not yes:
            changes = _apply(api, catalog, dry_run=True, as_json=False)
            if not has_changes(changes):
                return
            typer.confirm("Apply this?", abort=True, err=True)
        _apply(api, catalog, dry_run=False, as_json=as_json)


@catalog_cli.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Ends in .yaml or .json; - is stdout.")],
    form: FormatOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there already.")] = False,  # noqa: FBT002 - a flag
    url: UrlOption = DEFAULT_URL,
    key: KeyOption = None,
    sandbox: SandboxOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Write the catalog as it is, so that planning it says that nothing is to change."""
    chosen = format_of(file, form)
    with Api(find_target(url, key, sandbox=sandbox)) as api:
        written = write_catalog(api.run(EXPORT)["catalogExport"], chosen).encode()
    if file == STANDARD:
        standard_output().write(written)
        return
    _keep(Path(file), written, force=force)


def _keep(path: Path, written: bytes, *, force: bool) -> None:
    """Write a file; one that is replaced stays as it is until the new one is whole."""
    try:
        if force and path.is_file():
            replace_file(path.resolve(), written)
            return
        with path.open("wb" if force else "xb") as stream:
            stream.write(written)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already; --force replaces it.") from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error


def catalog_type() -> GraphQLInputType:
    """Return the type that a catalog must have."""
    # Making the schema takes a second, which no other command needs to wait for.
    from app.graphql import schema  # noqa: PLC0415

    kind: GraphQLInputType = schema._schema.type_map["CatalogInput"]  # type: ignore[assignment]  # noqa: SLF001 - the library shows its types nowhere else
    return kind


def console_is_answered() -> bool:
    """Tell whether somebody sits at the other end of stdin."""
    return sys.stdin is not None and sys.stdin.isatty()


def _apply(api: Api, catalog: CatalogFile, *, dry_run: bool, as_json: bool) -> list[dict[str, Any]]:
    """Let the server compare or apply, show its answer, and return the changes."""
    payload = api.run(APPLY, input={"catalog": catalog.catalog, "dryRun": dry_run})["catalogApply"]
    if as_json:
        typer.echo(msgspec.json.format(_encoder.encode(payload), indent=2))
    if payload["userErrors"]:
        say(catalog.explain(payload["userErrors"]))
        raise CommandError("Nothing was changed.")
    if not as_json:
        show_changes(payload["changes"], done=not dry_run)
    changes: list[dict[str, Any]] = payload["changes"]
    return changes
