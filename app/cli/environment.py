"""The settings of the environment, for commands."""

from pydantic import ValidationError

from app.cli.target import CommandError
from app.settings import PREFIX, Settings


def read_settings() -> Settings:
    """Return what the environment says; raise CommandError with a line for each setting that can't be used."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = dict.fromkeys(str(one["loc"][0]) for one in error.errors(include_input=False))
        raise CommandError("\n".join(map(_requirement, wrong))) from error


def _requirement(name: str) -> str:
    # Not what it is: that may hold a password.
    return f"{PREFIX}{name.upper()} must be {Settings.model_fields[name].description}."
