"""Text of commits, logs and files made harmless for a terminal: what would steer it is shown instead of obeyed."""

import unicodedata

_KEPT = frozenset("\n\t")
# Control, format (which reorder or hide text), surrogate and unassigned characters, line and paragraph separators.
_SHOWN = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))


def inert(text: str, *, lines: bool = False) -> str:
    """The text with every steering character written as an escape. `lines`: line ends and tabs may stay."""
    if text.isascii() and text.isprintable():
        return text
    kept = _KEPT if lines else frozenset()
    return "".join(
        _shown(character) if character not in kept and _steers(character) else character for character in text
    )


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _SHOWN


def _shown(character: str) -> str:
    number = ord(character)
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if character in known:
        return known[character]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
