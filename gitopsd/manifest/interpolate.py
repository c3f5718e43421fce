"""Fills variables into a manifest's values, with the grammar and the corner cases of Compose.

`$NAME ${NAME} ${NAME:-default} ${NAME-default} ${NAME:?message} ${NAME?message} ${NAME:+other} ${NAME+other} $$`; the
texts after an operator are filled in too. As in Compose an operator's text reaches to its closing brace, or, when the
braces do not balance, to the last one of the line; it is checked even if it is not used. What a variable holds is never
part of an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import is_

from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.analysis import VARIABLES
from gitopsd.model.errors import Problem

MAX_LENGTH = 1 << 20  # of one value
MAX_TOTAL = 16 << 20  # of all values of one document
MAX_NESTING = 20

_EXPRESSION = re.compile(r"\$(?:(?P<escaped>\$)|(?P<named>[_A-Za-z][_A-Za-z0-9]*)|(?P<braced>\{))")
_BRACED = re.compile(r"(?P<name>[_A-Za-z][_A-Za-z0-9]*)(?:(?P<operator>:?[-+?])(?P<text>.*))?")
_NAME_ONLY = re.compile(r"[_A-Za-z][_A-Za-z0-9]*\}")
_BRACE = re.compile(r"[{}]")
# Lists whose items are NAME=value.
_NAMED = re.compile(r"\.(?:environment|labels|annotations|sysctls|extra_hosts)\[\d+\]$")
# What an analysis asks names what is known only when it is asked (model/analysis.py).
_ASKED = re.compile(r"\.x-gitopsd\.analysis\.metrics\[\d+\]\.(?:query|url)$")
_MEND = "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+other}, or $$ for a dollar sign"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's value. `hidden`: it comes from a secret origin, and so does whatever it flows into."""

    value: str
    hidden: bool = False


Variables = Mapping[str, Variable]


_KEPT: Variables = {name: Variable(f"${{{name}}}") for name in VARIABLES}


@dataclass(frozen=True, slots=True)
class Substitution:
    """A text with its variables filled in. `unset` are names without a value and without a default, filled in as ""."""

    text: str
    hidden: bool = False
    unset: tuple[str, ...] = ()


def interpolate(node: Node, variables: Variables, problems: Problems, unset: list[Problem], path: str = "") -> Node:
    """The node with every text value filled in; keys stay as they are. `path` is where the node stands.

    What is wrong goes to `problems`; to `unset` goes one entry per place and name that has neither value nor default.
    """
    return _Interpolation(variables, problems, unset).node(node, path)


def substitute(text: str, variables: Variables) -> Substitution:
    """One text with its variables filled in. ValueError says what is wrong and how to mend it."""
    return _fill(text, variables, 0)


class _Interpolation:
    """One document's run. `total` counts the characters of values that variables went into."""

    def __init__(self, variables: Variables, problems: Problems, unset: list[Problem]) -> None:
        self.variables = variables
        self.problems = problems
        self.unset = unset
        self.total = 0

    def node(self, node: Node, path: str) -> Node:
        """The node filled in; the same object where nothing was to be filled in, which is nearly everywhere."""
        if isinstance(node, Scalar):
            text = node.value
            return self.scalar(node, text, path) if isinstance(text, str) and "$" in text else node
        if isinstance(node, Items):
            items = tuple([self.node(item, f"{path}[{index}]") for index, item in enumerate(node.items)])
            same = all(map(is_, items, node.items))
            return node if same else Items(items, node.place, node.tag)
        return self.fields(node, f"{path}." if path else "")

    def fields(self, node: Fields, prefix: str) -> Fields:
        changed: dict[str, Node] = {}
        for key, field in node.fields.items():
            if isinstance(field, Scalar) and (not isinstance(field.value, str) or "$" not in field.value):
                continue
            filled = self.node(field, prefix + key)
            if filled is not field:
                changed[key] = filled
        return Fields({**node.fields, **changed}, node.keys, node.place, node.tag) if changed else node

    def scalar(self, node: Scalar, text: str, path: str) -> Scalar:
        if self.total > MAX_TOTAL:
            return node
        try:
            known = {**self.variables, **_KEPT} if _ASKED.search(path) else self.variables
            filled = substitute(text, known)
        except ValueError as error:
            self.problems.add(node.place, path, str(error))
            return node
        self.total += len(filled.text)
        if self.total > MAX_TOTAL:
            message = f"more than {MAX_TOTAL} characters once variables are filled in; use shorter variables"
            self.problems.add(node.place, path, message)
        if filled.hidden and _NAMED.search(path) and _fill(text.partition("=")[0], self.variables, 0).hidden:
            message = "a secret value stands in a name, and names are shown; write the name out, as in NAME=${VALUE}"
            self.problems.add(node.place, path, message)
        for name in filled.unset:
            message = f"the variable {name} is not set; set it in .env or vars_file, or write ${{{name}:-default}}"
            self.unset.append(Problem(node.place, path, message))
        return replace(node, value=filled.text, hidden=node.hidden or filled.hidden)


def _fill(text: str, variables: Variables, nesting: int) -> Substitution:
    if nesting > MAX_NESTING:
        raise ValueError(f"variables are nested deeper than {MAX_NESTING} levels; write fewer defaults within defaults")
    parts: list[str] = []
    hidden, unset, end, length, line_end = False, dict[str, None](), 0, 0, -1
    while found := _EXPRESSION.search(text, end):
        parts.append(text[end : found.start()])
        if found["escaped"]:
            filled, end = Substitution("$"), found.end()
        elif found["named"]:
            filled, end = _value(found["named"], variables), found.end()
        else:
            line_end = line_end if line_end >= found.end() else _line_end(text, found.end())
            inner = _within_braces(text, found, line_end)
            filled, end = _braced(inner, variables, nesting), inner.end() + 1
        parts.append(filled.text)
        hidden = hidden or filled.hidden
        unset |= dict.fromkeys(filled.unset)
        length += len(filled.text)
        if length > MAX_LENGTH:
            raise ValueError(f"longer than {MAX_LENGTH} characters once variables are filled in; use shorter variables")
    parts.append(text[end:])
    return Substitution("".join(parts), hidden, tuple(unset))


def _line_end(text: str, begin: int) -> int:
    newline = text.find("\n", begin)
    return len(text) if newline < 0 else newline


def _within_braces(text: str, found: re.Match[str], line_end: int) -> re.Match[str]:
    """What stands between the brace that opens at `found` and the one that closes it."""
    close = _closing_brace(text, found.end(), line_end)
    inner = _BRACED.fullmatch(text, found.end(), close) if close >= 0 else None
    if inner is None:
        raise ValueError(f"invalid interpolation {_excerpt(text[found.start() : line_end])!r}; {_MEND}")
    return inner


def _closing_brace(text: str, begin: int, line_end: int) -> int:
    """Compose counts braces, but never one that directly follows an opening brace; -1 when the line has none."""
    if name := _NAME_ONLY.match(text, begin, line_end):
        return name.end() - 1
    depth, after_opening = 1, begin
    for brace in _BRACE.finditer(text, begin, line_end):
        if brace.start() == after_opening:
            continue
        if brace[0] == "{":
            depth, after_opening = depth + 1, brace.end()
        else:
            depth -= 1
            if depth == 0:
                return brace.start()
    return text.rfind("}", begin, line_end)


def _braced(inner: re.Match[str], variables: Variables, nesting: int) -> Substitution:
    name, operator = inner["name"], inner["operator"] or ""
    if not operator:
        return _value(name, variables)
    other = _fill(inner["text"], variables, nesting + 1)
    variable = variables.get(name)
    present = variable is not None and not (operator[0] == ":" and not variable.value)
    match operator[-1]:
        case "+":
            return other if present else Substitution("")
        case "-" if not present:
            return other
        case "?" if not present:
            said = f": {_excerpt(inner['text'])}" if inner["text"] else ""
            raise ValueError(f"the required variable {_excerpt(name)} has no value{said}; set it in .env or vars_file")
    return _value(name, variables)


def _value(name: str, variables: Variables) -> Substitution:
    variable = variables.get(name)
    return Substitution("", unset=(name,)) if variable is None else Substitution(variable.value, variable.hidden)


def _excerpt(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
