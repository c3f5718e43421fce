"""Rolling back: a commit on top of the branch that makes an environment's inputs those of an earlier release."""

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Source
from gitopsd.controller.queries.look import load_at
from gitopsd.controller.queries.made import Made, branch_of, newest, offered, pushed
from gitopsd.controller.queries.view import View
from gitopsd.controller.states import Loaded
from gitopsd.model.errors import GitopsdError
from gitopsd.model.release import Release
from gitopsd.release.schema import cannot_return


def rollback(view: View, name: str, to: str = "", *, push: bool = False) -> Made:
    """Make the commit, and push it when asked. GitopsdError when there is nothing to go back to."""
    (environment,) = view.select(name)
    if not environment.path:
        raise GitopsdError(f"environment {name} is in no repository any more; restore its directory with `git revert`")
    source = view.repositories.source(environment.repository)
    base, note = newest(source)
    release, revision = _target(view, environment, base, to)
    wanted = load_at(view, environment, revision)
    commit = source.restore(base, wanted.revision, wanted.asked, _message(view, source, environment, release, wanted))
    made = Made(
        name,
        branch_of(view, environment),
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
    _check(view, environment, commit, wanted)
    made = offered(view, environment, source, made, commit, "rollback")
    return pushed(view, environment, source, made) if push else made


def _target(view: View, environment: Environment, base: str, to: str) -> tuple[Release | None, str]:
    """The release or revision to go back to; by default the newest good release whose content is another one."""
    journal = view.store.journal(environment.name)
    if to:
        number = int(to) if to.isascii() and to.isdigit() and len(to) < 10 else 0
        release = view.store.release(number) if number else None
        if release is not None and release.environment == environment.name:
            if gone := cannot_return(journal, release):
                raise GitopsdError(f"release {number} cannot be returned to: {gone}")
            return release, release.revision
        return None, to
    present = _content(view, environment, base)
    for release in view.store.releases(environment.name):
        good = release.outcome == "succeeded" and release.content_digest != present
        if good and not cannot_return(journal, release):
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


def _check(view: View, environment: Environment, commit: str, wanted: Loaded) -> None:
    """The environment at the new commit is what it was; it is not when its directory has moved since."""
    made = load_at(view, environment, commit)
    if made.input_digest != wanted.input_digest:
        raise GitopsdError(
            f"the inputs of {environment.name} cannot be brought back to {wanted.revision[:8]}, as they lay elsewhere "
            "then; use `git revert` in a clone"
        )
