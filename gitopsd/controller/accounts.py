"""The JSON of what is told at length: why a service is as it is, commits that were made, how fields are compared."""

from typing import TYPE_CHECKING

from gitopsd.controller import shapes
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.swarm_words import HOLDER, word_of
from gitopsd.engine_json.told import heading_of_field, told_of_field
from gitopsd.manifest.keys_in_words import found_keys, short_name, taken_in_words
from gitopsd.manifest.swarm_meanings import explained_keys, on_a_swarm
from gitopsd.model.errors import GitopsdError

if TYPE_CHECKING:
    from gitopsd.controller.queries.made import Made
    from gitopsd.controller.queries.volumes import Volumes
    from gitopsd.controller.queries.why import Decision, Explanation
    from gitopsd.engine_json.field import Field
    from gitopsd.manifest.manifest_schema import Key


def explanation(found: "Explanation") -> shapes.Shape:
    return {
        "environment": shapes.environment(found.environment),
        "service": shapes.service(found.service) if found.service is not None else None,
        "release": shapes.release(found.release) if found.release is not None else None,
        "events": [shapes.event(each) for each in found.events],
        "decisions": [_decision(each) for each in found.decisions],
    }


def _decision(decision: "Decision") -> shapes.Shape:
    links = [
        {
            "at": shapes.time(each.at),
            "what": each.what,
            "words": each.words,
            "seconds": each.seconds,
            "failed": each.failed,
            "logs": each.logs or None,
        }
        for each in decision.links
    ]
    return {
        "kind": decision.kind,
        "subject": decision.subject,
        "release": decision.release,
        "began_at": shapes.time(decision.began_at),
        "ended_at": shapes.time(decision.ended_at),
        "outcome": decision.outcome or None,
        "links": links,
    }


def made(made: "Made") -> shapes.Shape:
    """`command` takes it over in a clone on the daemon's own machine; `note` is what speaks against it."""
    return {
        "environment": made.environment,
        "branch": made.branch,
        "to": {"revision": made.revision, "release": made.release},
        "base": made.base,
        "commit": made.commit or None,
        "pushed": made.pushed,
        "changed": list(made.changed),
        "also_concerns": list(made.others),
        "command": made.command if made.commit and not made.pushed else None,
        "note": made.note or None,
    }


def volumes(found: "Volumes") -> shapes.Shape:
    """`need` in a word, and `reason` in words."""
    return {
        "volumes": [
            {
                "name": each.name,
                "environment": each.environment,
                "engine": each.engine,
                "need": each.need,
                "reason": each.why,
            }
            for each in found.found
        ],
        "problems": shapes.failures(found.failures),
    }


def fields(name: str = "") -> shapes.Shape:
    """How fields of this name, or those that a key of this name sets, are compared, and what keys of this name mean;
    without one all fields that are compared, all keys of `x-gitopsd`, and those that mean something else on a swarm.
    GitopsdError: nothing is called that.
    """
    rows, keys = _rows(name), _keys(name)
    if not rows and not keys:
        raise GitopsdError(f"there is no field or key {name}; `gitopsd explain` lists them")
    return {"fields": [_field(holder, row) for holder, row in rows], "keys": keys}


def _rows(name: str) -> list[tuple[str, "Field"]]:
    """With what each is a field of: those of this name, else those that a key of this name sets; and that of a Spec."""
    known: list[tuple[str, Field]] = [(holder, row) for holder, rows in FIELDS.items() for row in rows]
    if not name:
        return [(holder, row) for holder, row in known if row.compared]
    rows = [(holder, row) for holder, row in known if name in (row.path, row.at)]
    rows = rows or [(holder, row) for holder, row in known if name in row.keys]
    word = word_of(tuple(name.split(".")))
    return [*rows, (HOLDER, _of_a_spec(word, name))] if word else rows


def _keys(name: str) -> list[shapes.Shape]:
    """Those that the schema has, then those of which it is only told what they mean on a swarm."""
    asked = (name,) if name else ("", *explained_keys())
    found = {key.path: key for each in asked for key in found_keys(each)}
    named = {"", *found, *(short_name(path) for path in found)}
    told = [*map(_key, found.values()), *(_meaning(each, on_a_swarm(each)) for each in asked if each not in named)]
    return [each for each in told if each["takes"] or each["on_a_swarm"]]


def _key(key: "Key") -> shapes.Shape:
    meaning = _meaning(key.path, on_a_swarm(short_name(key.path)))
    takes, default = taken_in_words(key.schema), key.schema.get("default")
    return {**meaning, "words": key.words or None, "takes": takes, "default": default}


def _meaning(key: str, on_a_swarm: str) -> shapes.Shape:
    return {"key": key, "words": None, "takes": None, "default": None, "on_a_swarm": on_a_swarm or None}


def _of_a_spec(word: str, at: str) -> "Field":
    """All of them are compared alike: what Swarm shows is what it was told."""
    from gitopsd.engine_json.field import Field

    return Field(word, at, "value", "declared", "in-place", "medium", (word,))


def _field(holder: str, row: "Field") -> shapes.Shape:
    return {
        "of": holder,
        "path": row.path,
        "at": row.at,
        "comparator": row.comparator,
        "owner": row.owner,
        "cure": row.cure,
        "severity": row.severity,
        "keys": list(row.keys),
        "api": ".".join(map(str, row.api)),
        "secret": row.secret,
        "droppable": row.droppable,
        "words": [heading_of_field(holder, row), *told_of_field(holder, row)],
        "on_a_swarm": next((means for key in (row.path, *row.keys) if (means := on_a_swarm(key))), None),
    }
