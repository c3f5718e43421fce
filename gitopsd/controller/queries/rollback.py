"""Rolling back: a commit on top of the branch that makes an environment's inputs those of an earlier release."""

from dataclasses import dataclass, replace

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Source
from gitopsd.controller.queries.look import load_at
from gitopsd.controller.queries.view import View
from gitopsd.controller.states import Loaded
from gitopsd.model.errors import GitopsdError, SourceUnavailable
from gitopsd.model.files import Files
from gitopsd.model.release import Release


@dataclass(frozen=True, slots=True)
class Rollback:
    """The commit that was made. `commit` "" when Git says so already. `changed` are the paths that it changes.

    `mirror` and `ref` say where it can be fetched; `others` are environments that the same paths concern.
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


def rollback(view: View, name: str, to: str = "", *, push: bool = False) -> Rollback:
    """Make the commit, and push it when asked. GitopsdError when there is nothing to go back to."""
    (environment,) = view.select(name)
    if not environment.path:
        raise GitopsdError(f"environment {name} is in no repository any more; restore its directory with `git revert`")
    source = view.repositories.source(environment.repository)
    base, note = _base(source)
    release, revision = _target(view, environment, base, to)
    wanted = load_at(view, environment, revision)
    commit = source.restore(base, wanted.revision, wanted.asked, _message(view, source, environment, release, wanted))
    made = Rollback(
        name,
        _branch(view, environment),
        wanted.revision,
        release.number if release else None,
        base,
        "",
        (),
        (),
        note="; ".join(each for each in (note, _warning(release)) if each),
    )
    if commit == base:
        return made
    changed = _changed(source.files(base), source.files(commit))
    others = _others(view, environment, source.files(base), source.files(commit))
    _check(view, environment, commit, wanted)
    mirror, ref = source.offer(commit, f"rollback-{name}-{commit[:12]}")
    made = replace(made, commit=commit, changed=changed, others=others, mirror=mirror, ref=ref)
    return _pushed(source, made) if push else made


def _base(source: Source) -> tuple[str, str]:
    """The branch's newest commit, asked for anew; the last known one when the remote does not answer."""
    try:
        return source.poll(), ""
    except SourceUnavailable as error:
        head = source.head()
        if head is None:
            raise
        return head, f"the remote did not answer, so the commit stands on the last known one: {error}"


def _target(view: View, environment: Environment, base: str, to: str) -> tuple[Release | None, str]:
    """The release or revision to go back to; by default the newest good release whose content is another one."""
    if to:
        number = int(to) if to.isascii() and to.isdigit() and len(to) < 10 else 0
        release = view.store.release(number) if number else None
        if release is not None and release.environment == environment.name:
            return release, release.revision
        return None, to
    present = _content(view, environment, base)
    for release in view.store.releases(environment.name):
        if release.outcome == "succeeded" and release.content_digest != present:
            return release, release.revision
    raise GitopsdError(
        f"no earlier release of {environment.name} has other content; name a release or revision with --to"
    )


def _warning(release: Release | None) -> str:
    """What speaks against going back to it."""
    if release is None or release.outcome in ("succeeded", None):
        return ""
    return f"release {release.number} was no good: {release.outcome}, {release.reason or 'without a reason'}"


def _content(view: View, environment: Environment, base: str) -> str:
    """The content digest of what the branch says now; "" when it was never released or cannot be loaded."""
    try:
        inputs = load_at(view, environment, base).input_digest
    except GitopsdError:
        return ""
    journal = view.store.journal(environment.name)
    known = (journal.release, journal.serving, *view.store.releases(environment.name))
    return next((each.content_digest for each in known if each is not None and each.input_digest == inputs), "")


def _message(view: View, source: Source, environment: Environment, release: Release | None, wanted: Loaded) -> str:
    commit = source.commit(wanted.revision)
    what = f"release {release.number}" if release is not None else commit.id[:8]
    return (
        f"Roll {environment.name} back to {what}\n\n"
        f"Its inputs are as in commit {commit.id}\n({commit.subject[:200]}).\n"
    )


def _branch(view: View, environment: Environment) -> str:
    return view.settings.repositories[environment.repository].branch


def _changed(before: Files, after: Files) -> tuple[str, ...]:
    old, new = before.below(""), after.below("")
    return tuple(sorted(path for path in {*old, *new} if old.get(path) != new.get(path)))


def _others(view: View, environment: Environment, before: Files, after: Files) -> tuple[str, ...]:
    """Other environments of the repository whose inputs the commit changes too, through a file that they share."""
    found = []
    for other in view.environments.values():
        if other.name == environment.name or other.repository != environment.repository or not other.path:
            continue
        loaded = view.desire(other).loaded
        if loaded is not None and before.input_digest(loaded.asked) != after.input_digest(loaded.asked):
            found.append(other.name)
    return tuple(found)


def _check(view: View, environment: Environment, commit: str, wanted: Loaded) -> None:
    """The environment at the new commit is what it was; it is not when its directory has moved since."""
    made = load_at(view, environment, commit)
    if made.input_digest != wanted.input_digest:
        raise GitopsdError(
            f"the inputs of {environment.name} cannot be brought back to {wanted.revision[:8]}, as they lay elsewhere "
            "then; use `git revert` in a clone"
        )


def _pushed(source: Source, made: Rollback) -> Rollback:
    if made.others:
        raise GitopsdError(
            f"not pushed: {', '.join(made.changed)} is shared, so {', '.join(made.others)} would change too; "
            f"look at the commit and push it yourself: git fetch {made.mirror} {made.ref}"
        )
    source.push(made.commit)
    return replace(made, pushed=True)
