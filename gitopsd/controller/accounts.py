"""The JSON of what is told at length: why a service is as it is, commits that were made, how fields are compared."""

from typing import TYPE_CHECKING

from gitopsd.controller import shapes
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.swarm_words import HOLDER, word_of
from gitopsd.manifest.swarm_meanings import explained_keys, on_a_swarm
from gitopsd.model.errors import GitopsdError

if TYPE_CHECKING:
    from gitopsd.controller.queries.made import Made
    from gitopsd.controller.queries.why import Decision, Explanation
    from gitopsd.engine_json.field import Field


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


def fields(name: str = "") -> shapes.Shape:
    """How the field of this name, or those that a key of this name sets, are compared, or each that is compared at all;
    and what a key means on a swarm, where that is something else. GitopsdError: nothing is called that.
    """
    known: list[tuple[str, Field]] = [(holder, row) for holder, rows in FIELDS.items() for row in rows]
    found = [(holder, row) for holder, row in known if name in (row.path, row.at) or (not name and row.compared)]
    found = found or [(holder, row) for holder, row in known if name in row.keys]
    found += [(HOLDER, _of_a_spec(word, name))] if (word := word_of(tuple(name.split(".")))) else []
    means = on_a_swarm(name)
    if not found and not means:
        raise GitopsdError(f"there is no field or key {name}; `gitopsd explain` lists the fields")
    keys = {each: on_a_swarm(each) for each in ([name] if means else explained_keys() if not name else [])}
    return {
        "fields": [_field(holder, row) for holder, row in found],
        "keys": [{"key": key, "on_a_swarm": words} for key, words in keys.items()],
    }


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
        "on_a_swarm": next((means for key in (row.path, *row.keys) if (means := on_a_swarm(key))), None),
    }
