"""The host's own variables of an environment: the `vars_file`, read anew at each load, secret by origin."""

from collections.abc import Mapping
from pathlib import Path

from gitopsd.manifest import dotenv
from gitopsd.model.errors import GitopsdError


def read_variables(path: Path | None) -> Mapping[str, str]:
    """Names and values of the `vars_file`, or nothing where none is set."""
    if path is None:
        return {}
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GitopsdError(f"vars_file {path} cannot be read: {error.strerror}; mend its path or mode") from None
    found = dotenv.parse(str(path), data, {}, [], hidden=True)
    return {name: variable.value for name, variable in found.items()}
