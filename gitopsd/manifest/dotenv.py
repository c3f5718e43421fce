"""Reads `.env`, `env_file` and vars_file as Compose reads them: quotes, escapes, `export`, comments, interpolation.

Stricter than Compose where it makes silent nonsense of a line: text after a closing quote, an empty name, a name with
white space, bytes that are not UTF-8 and NUL are errors. No error shows a value, nor a line that may be part of one.
"""

import re
from collections import ChainMap
from dataclasses import replace

from gitopsd.manifest.interpolate import MAX_TOTAL, Variable, Variables, substitute
from gitopsd.model.errors import ManifestError, Place, Problem

MAX_BYTES = 1 << 20

_SPACE = "[\t\v\f\r \x85\xa0]"
_BETWEEN = re.compile(r"(?:\s+|#[^\n]*)*")
_NAME = re.compile(rf"(?:export{_SPACE}+)?(?P<name>[^=:\n]*)(?P<sign>[=:]{_SPACE}*|\n|\Z)")
_NAME_CHARACTERS = re.compile(r"[\w.\-\[\]]+")
_SINGLE = re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL)
_DOUBLE = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_AFTER_QUOTE = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*\n?")
_ESCAPE = re.compile(r'\\(?:([abfnrtv$"\\])|0([0-9]{0,3}))')
_ESCAPED = dict(zip('abfnrtv"\\', '\a\b\f\n\r\t\v"\\', strict=True)) | {"$": "$$"}  # which is one $ once filled in


def parse(
    file: str, data: bytes, variables: Variables, unset: list[Problem], *, hidden: bool = False
) -> dict[str, Variable]:
    """The file's variables in order; the last of a name wins. ManifestError names every line that is wrong.

    `variables` go before the file's own in `$NAME`, and give a `NAME` without `=` its value; unknown ones are left out.
    To `unset` goes one entry per line and name that has neither value nor default. `hidden`: the file is secret.
    """
    reader = _Reader(file, _text(file, data), variables, hidden)
    reader.read()
    if reader.problems:
        raise ManifestError(reader.problems)
    unset += reader.unset
    return reader.found


def parse_raw(file: str, data: bytes, variables: Variables, *, hidden: bool = False) -> dict[str, Variable]:
    """The variables of a file with `format: raw`: a value is all that follows the first `=`, quotes and `$` too."""
    found: dict[str, Variable] = {}
    problems: list[Problem] = []
    for number, line in enumerate(_text(file, data).split("\n"), 1):
        name, equals, value = line.removesuffix("\r").lstrip().partition("=")
        if name.startswith("#") or not (name or equals):
            continue
        if not name or any(char.isspace() for char in name):
            message = "the name of the variable is not valid; write NAME=value without spaces before the ="
            problems.append(Problem(Place(file, number, 1), "", message))
        elif equals:
            found[name] = Variable(value, hidden)
        elif name in variables:
            found[name] = variables[name]
    if problems:
        raise ManifestError(problems)
    return found


class _Reader:
    """Walks through the text. `at` is where the next statement is looked for, `line` the number of that line."""

    def __init__(self, file: str, text: str, variables: Variables, hidden: bool) -> None:
        self.file = file
        self.text = text
        self.hidden = hidden
        self.variables = variables
        self.found: dict[str, Variable] = {}
        self.known = ChainMap(dict(variables), self.found)
        self.problems: list[Problem] = []
        self.unset: list[Problem] = []
        self.at = 0
        self.line = 1
        self.total = 0

    def read(self) -> None:
        while self.skip(_BETWEEN) and self.at < len(self.text):
            place, before = Place(self.file, self.line, 1), self.at
            try:
                self.statement(place)
            except ValueError as error:
                self.problems.append(Problem(place, "", str(error)))
                if self.at == before:
                    self.skip(_LINE)
            if self.total > MAX_TOTAL:
                message = f"more than {MAX_TOTAL} characters once variables are filled in; use shorter values"
                self.problems.append(Problem(place, "", message))
                return

    def statement(self, place: Place) -> None:
        found = _NAME.match(self.text, self.at)
        name = found["name"].rstrip() if found else ""
        if found is None or not _NAME_CHARACTERS.fullmatch(name):
            raise ValueError("the name of the variable is not valid; write NAME=value, or # before a comment")
        self.take(found)
        if found["sign"][:1] not in ("=", ":"):
            if name in self.variables:
                self.found[name] = self.variables[name]
            return
        variable = self.value(name, place)
        self.total += len(variable.value)
        self.found[name] = replace(variable, hidden=variable.hidden or self.hidden)

    def value(self, name: str, place: Place) -> Variable:
        quote = self.text[self.at : self.at + 1]
        if quote not in ("'", '"') or not quote:
            line = self.take_match(_LINE)[0].removesuffix("\n")
            return self.filled(name, line.split(" #", 1)[0].rstrip(), place)
        quoted = (_SINGLE if quote == "'" else _DOUBLE).match(self.text, self.at)
        if quoted is None:
            self.at = len(self.text)
            raise ValueError(f"the quote that opens the value of {name} is never closed; close it")
        self.take(quoted)
        if _AFTER_QUOTE.match(self.text, self.at) is None:
            self.skip(_LINE)
            raise ValueError(f"text follows the closing quote of {name}; put it within the quotes, or after a #")
        if quote == "'":
            return Variable(quoted[1].replace("\\'", "'"))
        return self.filled(name, _ESCAPE.sub(_unescaped, quoted[1]), place)

    def filled(self, name: str, text: str, place: Place) -> Variable:
        try:
            said = substitute(text, self.known)
        except ValueError as error:
            secret = f"the value of {name} cannot be filled in; write $$ for a dollar sign, or put it in single quotes"
            raise ValueError(secret if self.hidden else f"{name}: {error}") from None
        for missing in said.unset:
            message = f"the variable {missing} is not set; set it above, or write ${{{missing}:-default}}"
            self.unset.append(Problem(place, name, message))
        return Variable(said.text, said.hidden)

    def skip(self, pattern: re.Pattern[str]) -> bool:
        self.take_match(pattern)
        return True

    def take_match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        assert found is not None, "the pattern matches the empty text"
        self.take(found)
        return found

    def take(self, found: re.Match[str]) -> None:
        self.line += self.text.count("\n", found.start(), found.end())
        self.at = found.end()


def _unescaped(found: re.Match[str]) -> str:
    """Compose knows octal escapes as `\\0` and three digits; with fewer only the zero goes."""
    if found[1]:
        return _ESCAPED[found[1]]
    digits = found[2]
    if re.fullmatch(r"[01][0-7]{2}", digits):
        return chr(int(digits, 8))
    return f"\\{digits}"


def _text(file: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data)} bytes, more than {MAX_BYTES}; move long values to files of their own"
        raise ManifestError([Problem(Place(file), "", message)])
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        place = Place(file, data.count(b"\n", 0, error.start) + 1, 1)
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ManifestError([Problem(place, "", message)]) from None
    if "\0" in text:
        place = Place(file, text.count("\n", 0, text.index("\0")) + 1, 1)
        raise ManifestError([Problem(place, "", "a NUL byte is not allowed; save the file as UTF-8 text")])
    return text
