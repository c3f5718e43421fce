"""Promoting: a commit on top of the branch in which one environment has the image versions that another one serves."""

from collections.abc import Mapping

from gitopsd.controller.environments import Environment
from gitopsd.controller.queries.look import load_at
from gitopsd.controller.queries.made import Made, branch_of, newest, offered, pushed
from gitopsd.controller.queries.view import View
from gitopsd.controller.states import Loaded
from gitopsd.manifest.carrying import carried
from gitopsd.model.errors import GitopsdError
from gitopsd.model.release import Release


def promote(view: View, source_name: str, name: str, *, push: bool = False) -> Made:
    """Make the commit, and push it when asked. GitopsdError says what cannot be carried over, and why."""
    (first,), (environment,) = view.select(source_name), view.select(name)
    if not environment.path:
        raise GitopsdError(f"environment {name} is in no repository any more; restore its directory with `git revert`")
    release = _serving(view, first)
    source = view.repositories.source(environment.repository)
    base, note = newest(source)
    loaded = load_at(view, environment, base)
    images, left = _wanted(release, loaded)
    notes = "; ".join(each for each in (note, *left) if each)
    made = Made(name, branch_of(view, environment), release.revision, release.number, base, "", (), (), note=notes)
    if not images:
        return made
    files = source.files(base)
    others = [view.desire(each).loaded for each in view.environments.values() if each.name != name and each.path]
    asked = frozenset(path for each in others if each is not None for path in each.asked)
    contents = carried(files, environment.path, loaded.desired, images, lambda path: path in asked)
    commit = source.write_files(base, contents, _message(first, environment, release, images))
    _check(view, environment, commit, images)
    made = offered(view, environment, source, made, commit, "promote")
    return pushed(view, environment, source, made) if push else made


def _serving(view: View, environment: Environment) -> Release:
    serving = view.store.journal(environment.name).serving
    release = view.store.release(serving.release) if serving is not None else None
    if release is None:
        raise GitopsdError(f"nothing serves in {environment.name} yet, so there is nothing to promote")
    return release


def _wanted(release: Release, loaded: Loaded) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The images that change, by service, and what is left as it is, in words."""
    images: dict[str, str] = {}
    left: list[str] = []
    for service in release.services:
        own = loaded.desired.services.get(service.name)
        if own is None or own.image == service.image:
            continue
        if _repository(own.image) == _repository(service.image):
            images[service.name] = service.image
        else:
            left.append(f"{service.name} stays at {own.image}, as {service.image} is another image")
    return images, tuple(left)


def _repository(image: str) -> str:
    """An image's name without tag and digest."""
    head, slash, last = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _message(first: Environment, environment: Environment, release: Release, images: Mapping[str, str]) -> str:
    lines = "\n".join(f"{service}: {image}" for service, image in sorted(images.items()))
    return (
        f"Promote release {release.number} of {first.name} to {environment.name}\n\n"
        f"As in commit {release.revision}:\n{lines}\n"
    )


def _check(view: View, environment: Environment, commit: str, images: Mapping[str, str]) -> None:
    """The environment at the new commit has the images; it has not where a variable of the host says otherwise."""
    services = load_at(view, environment, commit).desired.services
    wrong = {name: services[name].image for name, image in images.items() if services[name].image != image}
    if wrong:
        told = ", ".join(f"{name} is {image} still" for name, image in sorted(wrong.items()))
        raise GitopsdError(f"{told}: what its files say is overruled, by `vars_file` or an override; change it there")
