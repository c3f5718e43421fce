"""What an operation may be asked with: what no pass could make sense of is refused when it is asked."""

from collections.abc import Callable, Mapping

from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError

MOST_LETTERS = 100_000  # a tag that approves may be long-winded
MOST_SECONDS = 10 * 366 * 86_400


def check(arguments: Mapping[str, Json]) -> None:
    """GitopsdError: an argument is unknown, or is not what its name says; in words."""
    for name, value in arguments.items():
        if name not in KINDS:
            raise GitopsdError(f"argument {name[:50]!a} is unknown; known are {', '.join(KINDS)}")
        fits, what = KINDS[name]
        if not fits(value):
            raise GitopsdError(f"{name} has to be {what}")


def _flag(value: Json) -> bool:
    return isinstance(value, bool)


def _text(value: Json) -> bool:
    """Lone halves of a letter cannot be written down, nor shown."""
    return (
        isinstance(value, str)
        and len(value) <= MOST_LETTERS
        and not any("\ud800" <= each <= "\udfff" for each in value)
    )


def _number(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 2**53


def _time(value: Json) -> bool:
    """What is no number at all, or has no end, is in no order with those that are."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_SECONDS


Kind = tuple[Callable[[Json], bool], str]
FLAG: Kind = (_flag, "true or false")
TEXT: Kind = (_text, f"a text of at most {MOST_LETTERS} letters")
KINDS: Mapping[str, Kind] = {
    "pull": FLAG,
    "take_over": FLAG,
    "rollout": FLAG,
    "service": TEXT,
    "what": TEXT,
    "tag": TEXT,
    "reason": TEXT,
    "release": (_number, "the number of a release"),
    "for_s": (_time, "a number of seconds, above 0 and of at most ten years"),
}
