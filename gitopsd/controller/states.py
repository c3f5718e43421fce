"""From a commit to a sealed state: load the manifest, find the images, seal; each done once for equal inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

from gitopsd.controller.environments import Environment
from gitopsd.controller.host import Host
from gitopsd.controller.masking import Secrecy
from gitopsd.controller.ports import EngineView, Inputs, Store
from gitopsd.engine_json.platform import fits
from gitopsd.manifest import load, seal, waves, with_secrets
from gitopsd.manifest.seal import VERSION
from gitopsd.manifest.workload import breaches
from gitopsd.model.canonical import Json, digest, keyed_digest
from gitopsd.model.desired import DesiredState, Image, ImageMount, SealedState, Service
from gitopsd.model.files import Files
from gitopsd.model.image import Asked
from gitopsd.model.release import Journal, Release, Serving
from gitopsd.plan.pull_policy import ask_first, asks_again, may_pull

NO_INPUTS = Inputs("", frozenset(), {})
Named = Release | Serving


@dataclass(frozen=True, slots=True)
class Loaded:
    """An environment as one commit describes it, before images are known.

    `asked` are the paths that were looked at in the commit, `needs` the secrets that were asked of the host, and
    `variables` what it said, all of it secret.
    """

    desired: DesiredState
    revision: str
    input_digest: str
    asked: frozenset[str]
    needs: frozenset[str]
    waves: tuple[tuple[str, ...], ...]
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def load_environment(environment: Environment, files: Files, host: Host, key: bytes) -> Loaded:
    """Load an environment from the files of a commit and what the host adds. ManifestError names all that is wrong."""
    files = files.unlocked_by(host.unlock)
    described = load(
        files,
        environment.path,
        environment.name,
        variables=host.variables,
        project=environment.project,
        host_dir=environment.host_dir,
        first_name=environment.first_name,
        swarm=environment.engine.swarm,
    )
    needs = frozenset(each.name for each in described.external)
    desired = with_secrets(described, *host.given(needs))
    if environment.policy.workload.enforce == "warn":
        told = breaches(desired, environment.policy.workload, environment.host_dir)
        desired = replace(desired, warnings=(*desired.warnings, *told))
    if host.unset:
        desired = replace(desired, unset=(*host.unset, *desired.unset))
    return Loaded(
        desired,
        files.revision,
        inputs_digest(environment, files, files.asked, needs, host, key),
        files.asked,
        needs,
        waves(desired),
        host.variables,
    )


def inputs_digest(
    environment: Environment, files: Files, asked: frozenset[str], needs: frozenset[str], host: Host, key: bytes
) -> str:
    """What the loader looked at, and the host's say in it. Equal digests describe equal states.

    The store keeps them: in another form, this version would know nothing of what an earlier one released.
    """
    said: list[Json] = [environment.project, environment.host_dir, environment.path]
    said.append(keyed_digest(key, dict(host.variables)))
    if environment.engine.swarm:
        said.append("swarm")
    if needs:
        values, reasons = host.given(needs)
        said += [keyed_digest(key, {name: value.hex() for name, value in values.items()}), dict(reasons)]
    return digest([files.input_digest(asked), *said])


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Images that must be pulled first, by service.

    `images` are those at hand, also of a service whose registry is only asked first what the name stands for now.
    """

    missing: Mapping[str, str]
    images: Mapping[str, Image]


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known of asking registries, by reference, and at which time it is looked at.

    `answered` are references of which the answer has just come; `everything`: a person wants all names looked up anew.
    """

    asked: Mapping[str, Asked]
    now: datetime
    answered: frozenset[str] = frozenset()
    everything: bool = False

    def fresh(self, service: Service) -> bool:
        """Whether the engine's own word on the image counts now, whatever is on record."""
        return may_pull(service) if self.everything else service.image in self.answered and asks_again(service)


@dataclass(frozen=True, slots=True)
class Known:
    """The images on record by service, for these inputs and for what serves, and what the engine holds by reference."""

    recorded: Mapping[str, Image]
    serving: Mapping[str, Image]
    held: Callable[[str], Image | None]


def find_images(
    loaded: Loaded, engine: EngineView, store: Store, journal: Journal, asking: Asking
) -> Inputs | Unsealed:
    """The image of each service: as recorded for these inputs, as before for an unchanged name, or as it is held."""
    name = loaded.desired.environment
    recorded = (store.inputs(name, loaded.input_digest) or NO_INPUTS).images
    known = Known(recorded, _serving(name, store, journal), cache(engine.image))
    images: dict[str, Image] = {}
    missing: dict[str, str] = {}
    for service in loaded.desired.services.values():
        found, ask = _found(service, known, asking, loaded.input_digest)
        if found is not None:
            images[service.name] = found
        if found is None or ask:
            missing[service.name] = service.image
    files = {each: (source, known.held(source)) for each, source in _files(loaded.desired).items()}
    images |= {each: image for each, (_, image) in files.items() if image is not None}
    missing |= {each: source for each, (source, image) in files.items() if image is None}
    return Unsealed(missing, images) if missing else Inputs(loaded.input_digest, loaded.asked, images, loaded.needs)


def _found(service: Service, known: Known, asking: Asking, inputs: str) -> tuple[Image | None, bool]:
    """The image that is at hand for a service, and whether its registry is to be asked before that one counts."""
    asked, fresh = asking.asked.get(service.image, Asked()), asking.fresh(service)
    exact = None if fresh else _named(known.recorded.get(service.name), service)
    if exact is not None:
        return exact, False
    answered = fresh or (asks_again(service) and asked.answered_for == inputs != asked.tried_for)
    before = None if answered else _named(known.serving.get(service.name), service)
    held = before or known.held(service.image)
    fitting = held if held is not None and fits(held.platform, platform(service)) else None
    return fitting, not fresh and ask_first(service, asked, inputs, asking.now)


def _named(image: Image | None, service: Service) -> Image | None:
    """An image on record, where the service still asks for it by the same name, for the same platform."""
    same = image is not None and image.reference == service.image and fits(image.platform, platform(service))
    return image if same else None


def _files(desired: DesiredState) -> dict[str, str]:
    """Images that only give files, under a name that no service has."""
    return {
        f"{service.name}: {mount.source}": mount.source
        for service in desired.services.values()
        for mount in service.mounts
        if isinstance(mount, ImageMount)
    }


def platform(service: Service) -> str:
    """The platform that a service's image is to be for; "" for the engine's own."""
    return str(service.options.get("platform") or "")


def platforms(desired: DesiredState) -> dict[str, str]:
    """The platforms that are asked for, by image."""
    return {each.image: platform(each) for each in desired.services.values() if platform(each)}


def _serving(environment: str, store: Store, journal: Journal) -> Mapping[str, Image]:
    """The images of what serves: those that it was released with, whatever its inputs have come to stand for since."""
    serving = journal.serving
    if serving is None:
        return {}
    found = store.inputs(environment, serving.content_digest) or store.inputs(environment, serving.input_digest)
    return (found or NO_INPUTS).images


def sealed(loaded: Loaded, images: Mapping[str, Image], key: bytes, version: str = VERSION) -> SealedState:
    return seal(loaded.desired, images, key, loaded.revision, loaded.input_digest, version)


def unresolved(loaded: Loaded, images: Mapping[str, Image], key: bytes, version: str = VERSION) -> SealedState:
    """A sealed state for a plan only: an image that is not there yet stands for itself by its name."""
    stand_ins = {
        service.name: images.get(service.name) or Image(service.image, f"not yet pulled: {service.image}")
        for service in loaded.desired.services.values()
    }
    return sealed(loaded, stand_ins, key, version)


class States:
    """Sealed states of one environment by revision, remembered by their inputs. Belongs to one pass at a time.

    `version` is that of the fingerprints; `secrecy` knows the secret values of every state that was made here.
    """

    def __init__(self, store: Store, version: str = VERSION) -> None:
        self._store, self._version, self.secrecy = store, version, Secrecy()
        self._loaded: dict[str, Loaded] = {}
        self._sealed: dict[tuple[str, str], SealedState] = {}
        self._kept: dict[str, str] = {}  # what images are on record, by input digest

    def load(self, environment: Environment, files: Files, host: Host) -> Loaded:
        """As `load_environment`, but a commit that changes nothing here costs only a digest."""
        key = self._store.key()
        for known in self._loaded.values():
            if inputs_digest(environment, files, known.asked, known.needs, host, key) == known.input_digest:
                return replace(known, revision=files.revision)
        loaded = load_environment(environment, files, host, key)
        self.secrecy.learn_state(loaded.desired, loaded.variables)
        self._loaded = {**dict(list(self._loaded.items())[-4:]), loaded.input_digest: loaded}
        return loaded

    def seal(self, loaded: Loaded, inputs: Inputs) -> SealedState:
        """The sealed state, kept with the images that were found, so that a revert finds the very same ones."""
        identities = _identities(inputs.images)
        if self._kept.get(inputs.input_digest) != identities:
            self._store.save_inputs(loaded.desired.environment, inputs)
            self._kept = {**dict(list(self._kept.items())[-4:]), inputs.input_digest: identities}
        return self._state(loaded, inputs.images)

    def recorded(self, environment: Environment, files: Files, host: Host, named: Named) -> SealedState | None:
        """The state of what was released, with the images of that time, as it is with what the host says now.

        None: it cannot be rebuilt.
        """
        loaded = self.load(environment, files, host)
        images = recorded_images(self._store, loaded, named)
        return self._state(loaded, images) if images is not None else None

    def again(
        self, environment: Environment, files: Files, named: Named, host: Host
    ) -> tuple[SealedState, tuple[Inputs, ...]] | None:
        """What was released, as this version loads and seals it, and what to record of it; None: its inputs are lost.

        What that version looked at is compared: this one may look at other files.
        """
        then = self._store.inputs(environment.name, named.input_digest)
        key = self._store.key()
        if then is None or inputs_digest(environment, files, then.asked, then.needs, host, key) != named.input_digest:
            return None
        loaded = self.load(environment, files.again(), host)
        images = (self._store.inputs(environment.name, named.content_digest) or then).images
        if not set(images) >= set(loaded.desired.services):
            return None
        state = sealed(loaded, images, key, self._version)
        own = Inputs(state.content_digest, frozenset(), images)
        return state, (Inputs(loaded.input_digest, loaded.asked, then.images, loaded.needs), own)

    def _state(self, loaded: Loaded, images: Mapping[str, Image]) -> SealedState:
        where = (loaded.input_digest, _identities(images))
        if where not in self._sealed:
            state = sealed(loaded, images, self._store.key(), self._version)
            self.secrecy.meet(each.fingerprint for each in state.services.values())
            self._sealed = {**dict(list(self._sealed.items())[-4:]), where: state}
        return replace(self._sealed[where], revision=loaded.revision)


def recorded_images(store: Store, loaded: Loaded, named: Named | None) -> Mapping[str, Image] | None:
    """The images that something was released with, whatever the host said then. None: they are not known.

    What an older version released is on record by its inputs alone.
    """
    name = loaded.desired.environment
    found = store.inputs(name, named.content_digest) if named is not None else None
    found = found or store.inputs(name, loaded.input_digest)
    if found is None and named is not None and not loaded.desired.unset:
        found = store.inputs(name, named.input_digest)
    return found.images if found is not None and set(found.images) >= set(loaded.desired.services) else None


def _identities(images: Mapping[str, Image]) -> str:
    return digest({name: image.identity for name, image in images.items()})
