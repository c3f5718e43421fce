"""Writes into each story what it leads to now. Run it after a wanted change, and read the diff."""

from pathlib import Path
from typing import Any

import yaml

from tests.scenarios.stories import STORIES, play, read

ASKED = ("story", "behaviours", "before", "hand", "after", "refuse", "unfit")


class Readable(yaml.SafeDumper):
    """Several lines as a block, short things on one line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Readable.add_representer(str, _text)


def tell(path: Path) -> None:
    written = path.read_text().split("\nplan: ")[0].rstrip("\n")
    _, told = play(read(path))
    results: dict[str, Any] = {
        "plan": told.plan,
        "actions": told.actions,
        "end": told.end,
        "running": list(told.running),
    }
    text = yaml.dump(results, Dumper=Readable, sort_keys=False, width=200, allow_unicode=True)
    path.write_text(f"{written}\n{text}")


if __name__ == "__main__":
    for each in STORIES:
        tell(each)
