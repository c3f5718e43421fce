"""Carries image versions into an environment's files: each is changed where it is written, and nothing else is."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gitopsd.manifest.node import Fields, Node, Scalar
from gitopsd.manifest.yaml import parse
from gitopsd.model.desired import DesiredState
from gitopsd.model.errors import GitopsdError, Place
from gitopsd.model.files import Files

_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)[^{}]*\}|\$(?P<bare>\w+)")


@dataclass(frozen=True, slots=True)
class _Edit:
    """In one file: text in the place of other text, at a line and from a column on; or a variable of a `.env`."""

    file: str
    line: int
    column: int
    before: str
    after: str


def carried(
    files: Files, directory: str, desired: DesiredState, images: Mapping[str, str], shared: Callable[[str], bool]
) -> dict[str, bytes]:
    """The files in which services have these images, by path. GitopsdError names what cannot be written, and why.

    `directory` is where the environment's `.env` lies; `shared` tells the files that others go by as well.
    """
    literals: list[_Edit] = []
    variables: dict[str, str] = {}
    for name, image in sorted(images.items()):
        service = desired.services[name]
        place = service.places.get("image", service.place)
        written = _written(files, place)
        if written is None or not isinstance(written.value, str):
            raise GitopsdError(f"{place}: services.{name}.image cannot be found as it is written; change it by hand")
        found = _VARIABLE.findall(written.value)
        if found:
            _note(variables, name, *_solved(written, image))
        elif shared(place.file):
            what = f"{place}: services.{name}.image"
            raise GitopsdError(f"{what} is written in a file that others share; give it a variable")
        else:
            literals.append(_Edit(place.file, written.place.line, written.place.column, written.value, image))
    return {**_literal(files, literals), **_variable(files, posixpath.join(directory, ".env"), variables)}


def _written(files: Files, place: Place) -> Scalar | None:
    """The value of the key at a place, as its file has it, before variables are filled in."""
    if not place.file or files.entry(place.file) is None:
        return None
    return next(_at(parse(place.file, files.read(place.file)), place), None)


def _at(node: Node, place: Place) -> Iterator[Scalar]:
    if not isinstance(node, Fields):
        return
    for key, child in node.fields.items():
        if node.keys.get(key) == place and isinstance(child, Scalar):
            yield child
        yield from _at(child, place)


def _solved(written: Scalar, image: str) -> tuple[str, str]:
    """The one variable of an image's name, and what it has to be for the name to come out."""
    text = str(written.value)
    names = {each["braced"] or each["bare"] for each in _VARIABLE.finditer(text)}
    first = _VARIABLE.search(text)
    if len(names) != 1 or first is None or len(_VARIABLE.findall(text)) != 1:
        raise GitopsdError(f"{written.place}: {text} has several variables; change them by hand")
    head, tail = text[: first.start()], text[first.end() :]
    if not (image.startswith(head) and image.endswith(tail) and len(image) > len(head) + len(tail)):
        raise GitopsdError(f"{written.place}: {text} can never be {image}; change it by hand")
    return names.pop(), image[len(head) : len(image) - len(tail)]


def _note(variables: dict[str, str], service: str, name: str, value: str) -> None:
    if variables.setdefault(name, value) != value:
        message = f"services.{service} would need {name}={value}, and another service {name}={variables[name]}"
        raise GitopsdError(f"{message}; give each a variable of its own")


def _literal(files: Files, edits: list[_Edit]) -> dict[str, bytes]:
    """Every file with its edits, the last ones first, so that the places of the others stay."""
    found: dict[str, list[str]] = {}
    for edit in sorted(edits, key=lambda each: (each.file, -each.line, -each.column)):
        lines = found.setdefault(edit.file, files.read(edit.file).decode().split("\n"))
        line = lines[edit.line - 1]
        start = line.find(edit.before, edit.column - 1)
        if start < 0:
            raise GitopsdError(f"{edit.file}:{edit.line}: {edit.before} is not written in one piece; change it by hand")
        lines[edit.line - 1] = f"{line[:start]}{edit.after}{line[start + len(edit.before) :]}"
    return {file: "\n".join(lines).encode() for file, lines in found.items()}


def _variable(files: Files, path: str, variables: Mapping[str, str]) -> dict[str, bytes]:
    """The `.env` with these variables; what is not there yet comes at its end."""
    if not variables:
        return {}
    lines = files.read(path).decode().split("\n") if files.entry(path) is not None else [""]
    for name, value in variables.items():
        pattern = re.compile(rf"^(\s*(?:export\s+)?{name}\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s#]*)(.*)$")
        at = [number for number, line in enumerate(lines) if pattern.match(line)]
        if at:
            found = pattern.fullmatch(lines[at[-1]])
            lines[at[-1]] = f"{found[1]}{value}{found[3]}" if found is not None else lines[at[-1]]
        else:
            lines.insert(len(lines) - (lines[-1] == ""), f"{name}={value}")
    text = "\n".join(lines)
    return {path: (text if text.endswith("\n") else f"{text}\n").encode()}
