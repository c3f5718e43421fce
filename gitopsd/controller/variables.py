"""The variables that a host adds to an environment: its vars_file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gitopsd.manifest import dotenv
from gitopsd.model.errors import HostFileError, ManifestError, Problem

if TYPE_CHECKING:
    from gitopsd.controller.ports import Secrets


def read_variables(secrets: "Secrets", path: Path | None) -> tuple[Mapping[str, str], tuple[Problem, ...]]:
    """Names and values of a vars_file (None: there is none), and the variables in it that have no value."""
    if path is None:
        return {}, ()
    try:
        found = secrets.file(path)
    except HostFileError as error:
        raise HostFileError(f"vars_file {error}") from None
    if found is None:
        raise HostFileError(f"vars_file {path} does not exist; write it, or mend its path in gitopsd.yaml")
    unset: list[Problem] = []
    try:
        variables = dotenv.parse(str(path), found.data, {}, unset, hidden=True)
    except ManifestError as error:
        raise HostFileError(str(error)) from None
    return {name: variable.value for name, variable in variables.items()}, tuple(unset)
