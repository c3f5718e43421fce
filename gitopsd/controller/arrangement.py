"""Which environments there are, taken together: found in Git, orphaned, renamed; and what is wrong between them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gitopsd.controller.environments import Environment, discovered, orphan
from gitopsd.model.errors import Problem
from gitopsd.model.files import Files
from gitopsd.model.release import Former, Journal
from gitopsd.model.settings import Settings


@dataclass(frozen=True, slots=True)
class Known:
    """What an arrangement is made of. `heads` are the files of each repository that has answered, `unanswered` is one
    that has not; `then` gives the files of an earlier commit, by repository.
    """

    settings: Settings
    heads: Mapping[str, Files]
    journals: Mapping[str, Journal]
    unanswered: str
    then: Callable[[str], Mapping[str, Files]]


@dataclass(frozen=True, slots=True)
class Takeover:
    """The environment `new` is what `old` was, whose directory lay at `path`."""

    new: str
    old: Former


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Environments by name, what is wrong with the set of them, and which have still to take over from another."""

    environments: Mapping[str, Environment]
    problems: tuple[str, ...]
    takeovers: tuple[Takeover, ...] = ()


def arrangement(known: Known) -> Arrangement:
    """Every environment that Git or a journal has. One that is being taken over is among them as long as it lasts."""
    journals = known.journals
    formerly = {name: journal.formerly for name, journal in journals.items() if journal.formerly}
    found, problems = discovered(known.settings, known.heads, formerly)
    taken = {former.name for each in formerly.values() for former in each}
    found = {name: each for name, each in found.items() if name not in taken or _there(each, known)}
    for name in journals.keys() - found.keys():
        if journals[name].project:
            found[name] = _orphan(journals[name], known)
    takeovers: list[Takeover] = []
    for name in sorted(found):
        match _takeover(found, name, known):
            case Problem() as problem:
                found[name] = replace(found[name], refused=problem)
            case Takeover() as takeover:
                takeovers.append(takeover)
            case None:
                pass
    return Arrangement(found, problems, tuple(takeovers))


def taken_over(old: Journal, new: Journal, path: str) -> Journal:
    """The journal of an environment under its new name. What was said of the new one before, only holds it."""
    release = replace(old.release, environment=new.environment) if old.release is not None else None
    formerly = (*old.formerly, Former(old.environment, path))
    suspension = old.suspension or new.suspension
    return replace(old, environment=new.environment, release=release, formerly=formerly, suspension=suspension)


def _there(environment: Environment, known: Known) -> bool:
    files = known.heads.get(environment.repository)
    return bool(environment.path) and files is not None and files.is_directory(environment.path)


def _orphan(journal: Journal, known: Known) -> Environment:
    then = known.then(journal.serving.revision) if journal.serving is not None else {}
    return replace(orphan(known.settings, journal.environment, then), formerly=journal.formerly)


def _takeover(found: Mapping[str, Environment], name: str, known: Known) -> Takeover | Problem | None:
    """What `moved_from` comes to, or why it cannot be."""
    moved = found[name].moved
    own = known.journals.get(name, Journal(name))
    if moved is None or moved.name in own.names:
        return None
    reason = next(_reasons(found, name, moved.name, known), "")
    if reason:
        return Problem(moved.place, "x-gitopsd.moved_from", reason)
    old = found.get(moved.name)
    return Takeover(name, Former(moved.name, (old.path or old.was) if old is not None else ""))


def _reasons(found: Mapping[str, Environment], name: str, old: str, known: Known) -> Iterator[str]:
    if old in found and _there(found[old], known):
        yield f"environment {old} is still there, in {found[old].path}; remove that directory, or this line"
    for other, journal in sorted(known.journals.items()):
        if other != name and old in journal.names[1:]:
            yield f"{old} has become {other} already; remove this line"
    for other in sorted(found.keys() - {name}):
        moved = found[other].moved
        if moved is not None and moved.name == old:
            yield f"{other} says the same of itself at {moved.place}; only one can be what {old} was"
    own = known.journals.get(name)
    if own is not None and own.project:
        yield (
            f"{name} serves already, as project {own.project}; `gitopsd remove {name}` makes room for what {old} was, "
            f"or remove this line and `gitopsd remove {old}`"
        )
    if old in found and found[old].engine.url != found[name].engine.url:
        there, here = found[old].engine.url, found[name].engine.url
        yield f"{old} runs on the engine {there}, and {name} is for {here}; an environment stays on its engine"
    if known.unanswered:
        yield f"repository {known.unanswered} has not answered yet, and may still have {old}"
