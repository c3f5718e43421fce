"""What of an encrypted manifest is secret: every value that was encrypted, and of a wholly encrypted one all."""

from dataclasses import replace

from gitopsd.manifest.node import Fields, Items, Node, Scalar
from gitopsd.manifest.yaml import parse
from gitopsd.model.secret import lock_of

_ENCRYPTED = "ENC["


def hidden(root: Node, path: str, stored: bytes | None) -> Node:
    """The document with its secret values marked; `stored` is the file as the repository has it, None: in the clear."""
    if stored is None:
        return root
    partly = lock_of(stored) in ("sops-yaml", "sops-json")
    return _marked(root, parse(path, stored)) if partly else _all(root)


def _marked(node: Node, stored: Node | None) -> Node:
    """SOPS encrypts value by value, and leaves the keys and the order as they are."""
    match node, stored:
        case Fields(fields=fields), Fields(fields=before):
            return replace(node, fields={key: _marked(each, before.get(key)) for key, each in fields.items()})
        case Items(items=items), Items(items=before) if len(items) == len(before):
            return replace(node, items=tuple(_marked(*pair) for pair in zip(items, before, strict=True)))
        case Scalar(), Scalar(value=value):
            return replace(node, hidden=isinstance(value, str) and value.startswith(_ENCRYPTED))
        case _:
            return _all(node)


def _all(node: Node) -> Node:
    match node:
        case Fields(fields=fields):
            return replace(node, fields={key: _all(each) for key, each in fields.items()})
        case Items(items=items):
            return replace(node, items=tuple(map(_all, items)))
        case Scalar():
            return replace(node, hidden=True)
