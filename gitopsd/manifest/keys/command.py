"""`command` and `entrypoint`: a list of words, or one string that is split into words as Compose splits it."""

import re
from dataclasses import dataclass

from gitopsd.manifest.keys.json_schema import NULL, STRING, either, listed, takes
from gitopsd.manifest.keys.shapes import wrong
from gitopsd.manifest.node import Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

_PIECE = re.compile(
    r"""
    (?P<space> \s+ )
    | (?P<escaped> \\. )
    | (?P<single> '[^']*' )
    | (?P<double> "(?:\\.|[^"\\])*" )
    | (?P<kept> `[^`]*` | \$\([^)]*\) )
    | (?P<operator> &&|\|\||>>|[;&|<>] )
    | (?P<plain> [^\s\\'"`$;&|<>(]+ | \$ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@takes(either(STRING, listed(STRING), NULL))
def command(node: Node, path: str, problems: Problems) -> Json:
    """The words. An empty list or string clears what the image says; nothing at all keeps it (None)."""
    match node:
        case Scalar(value=None):
            return None
        case Scalar(value=str(line)):
            split = words(line)
            if isinstance(split, str):
                problems.add(node.place, path, split)
                return None
            if split.cut:
                problems.warn(
                    node.place,
                    path,
                    f"everything from `{split.cut}` on is dropped, as Compose does; for a shell write "
                    '["sh", "-c", "..."]',
                )
            return list(split.words)
        case Items(items=items):
            return [_word(item, f"{path}[{index}]", problems) for index, item in enumerate(items)]
        case _:
            wrong(node, path, problems, "a string or a list of strings")
            return None


def _word(node: Node, path: str, problems: Problems) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    wrong(node, path, problems, "a string")
    return ""


@dataclass(frozen=True, slots=True)
class Split:
    """The words of a line; `cut` is the shell operator that ended it early, or ""."""

    words: tuple[str, ...]
    cut: str = ""


def words(line: str) -> Split | str:
    """Split a line with the quotes of a shell: single, double, backslash; nothing is expanded. Else what is wrong."""
    found: list[str] = []
    word: str | None = None
    position = 0
    while position < len(line):
        piece = _PIECE.match(line, position)
        if piece is None:
            return f"has {_unfinished(line[position])}; close or quote it, or write a list of words"
        position = piece.end()
        if piece.lastgroup == "space":
            found += [] if word is None else [word]
            word = None
        elif piece.lastgroup == "operator":
            return Split((*found, *_before(piece[0], word)), piece[0])
        else:
            word = (word or "") + _literal(piece)
    return Split((*found, *([] if word is None else [word])))


def _literal(piece: re.Match[str]) -> str:
    match piece.lastgroup:
        case "escaped":
            return piece[0][1:]
        case "single":
            return piece[0][1:-1]
        case "double":
            return _ESCAPED.sub(r"\1", piece[0][1:-1])
        case _:
            return piece[0]


def _unfinished(char: str) -> str:
    return {"\\": "nothing after its last backslash", "(": "an unquoted parenthesis"}.get(char, f"no closing {char}")


def _before(operator: str, word: str | None) -> tuple[str, ...]:
    """The word before an operator; the digit of `2>` belongs to the operator."""
    if word is None or (operator[0] == ">" and word[:1].isdigit()):
        return ()
    return (word,)
