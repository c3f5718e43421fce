"""`healthcheck`: how Docker finds out whether a container works."""

from gitopsd.manifest.keys.json_schema import BOOLEAN, STRING, either, listed, takes
from gitopsd.manifest.keys.quantities import span, truncated
from gitopsd.manifest.keys.shapes import boolean, closed, wrong
from gitopsd.manifest.node import Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

_KINDS = ("NONE", "CMD", "CMD-SHELL")


@takes(either(STRING, listed(STRING)))
def _test(node: Node, path: str, problems: Problems) -> Json:
    match node:
        case Scalar(value=str(line)):
            return ["CMD-SHELL", line]
        case Items(items=items):
            words: list[Json] = []
            for index, item in enumerate(items):
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    words.append(item.value)
                else:
                    wrong(item, f"{path}[{index}]", problems, "a string")
            if words and words[0] not in _KINDS:
                problems.add(node.place, path, 'must begin with "CMD", "CMD-SHELL" or "NONE"; add it as the first word')
            return words or None
        case _:
            wrong(node, path, problems, "a command as a string or a list")
            return None


@takes(BOOLEAN)
def _disable(node: Node, path: str, problems: Problems) -> Json:
    return boolean(node, path, problems) or None


healthcheck = closed(
    {
        "test": _test,
        "interval": span,
        "timeout": span,
        "retries": truncated(),
        "start_period": span,
        "start_interval": span,
        "disable": _disable,
    }
)
