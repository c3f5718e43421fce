"""Commits that gitopsd makes on top of the branch: what one changes, whom else it concerns, where it can be fetched."""

import shlex
from dataclasses import dataclass, replace

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Source
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError, SourceUnavailable
from gitopsd.model.files import Files


@dataclass(frozen=True, slots=True)
class Made:
    """The commit that was made. `commit` "" when Git says so already. `changed` are the paths that it changes.

    `release` and `revision` are what it brings; `mirror` and `ref` say where it can be fetched; `others` are
    environments that the same paths concern.
    """

    environment: str
    branch: str
    revision: str
    release: int | None
    base: str
    commit: str
    changed: tuple[str, ...]
    others: tuple[str, ...]
    mirror: str = ""
    ref: str = ""
    pushed: bool = False
    note: str = ""

    @property
    def command(self) -> str:
        """What takes the commit over in a clone of the repository."""
        fetch = shlex.join(["git", "fetch", self.mirror, self.ref])
        push = shlex.join(["git", "push", "origin", f"HEAD:{self.branch}"])
        return f"{fetch} && git merge --ff-only FETCH_HEAD && {push}"


def offered(view: View, environment: Environment, source: Source, made: Made, commit: str, name: str) -> Made:
    """The commit with all that is known of it, held in the mirror."""
    before, after = source.files(made.base), source.files(commit)
    mirror, ref = source.offer(commit, f"{name}-{environment.name}-{commit[:12]}")
    others = others_concerned(view, environment, before, after)
    return replace(made, commit=commit, changed=changed_paths(before, after), others=others, mirror=mirror, ref=ref)


def newest(source: Source) -> tuple[str, str]:
    """The branch's newest commit, asked for anew; the last known one when the remote does not answer."""
    try:
        return source.poll(), ""
    except SourceUnavailable as error:
        head = source.head()
        if head is None:
            raise
        return head, f"the remote did not answer, so the commit stands on the last known one: {error}"


def branch_of(view: View, environment: Environment) -> str:
    return view.settings.repositories[environment.repository].branch


def changed_paths(before: Files, after: Files) -> tuple[str, ...]:
    old, new = before.below(""), after.below("")
    return tuple(sorted(path for path in {*old, *new} if old.get(path) != new.get(path)))


def others_concerned(view: View, environment: Environment, before: Files, after: Files) -> tuple[str, ...]:
    """Other environments of the repository whose inputs the commit changes too, through a file that they share."""
    found = []
    for other in view.environments.values():
        if other.name == environment.name or other.repository != environment.repository or not other.path:
            continue
        loaded = view.desire(other).loaded
        if loaded is not None and before.input_digest(loaded.asked) != after.input_digest(loaded.asked):
            found.append(other.name)
    return tuple(found)


def pushed(view: View, environment: Environment, source: Source, made: Made) -> Made:
    if made.others:
        raise GitopsdError(
            f"not pushed: {', '.join(made.changed)} is shared, so {', '.join(made.others)} would change too; "
            f"look at the commit and push it yourself: git fetch {made.mirror} {made.ref}"
        )
    if view.settings.repositories[environment.repository].verify.mode != "off":
        raise GitopsdError(
            "not pushed: commits have to be signed here, and gitopsd has no key; sign it and push it yourself: "
            f"git fetch {made.mirror} {made.ref} && git cherry-pick -S FETCH_HEAD"
        )
    source.push(made.commit)
    return replace(made, pushed=True)
