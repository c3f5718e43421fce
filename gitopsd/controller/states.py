"""From a commit to a sealed state: load the manifest, find the images, seal; each done once for equal inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitopsd.controller.environments import Environment
from gitopsd.controller.host import Host
from gitopsd.controller.masking import Secrecy
from gitopsd.controller.ports import EngineView, Inputs, Store
from gitopsd.engine_json.platform import fits
from gitopsd.manifest import load, seal, waves, with_secrets
from gitopsd.manifest.seal import VERSION
from gitopsd.model.canonical import Json, digest, keyed_digest
from gitopsd.model.desired import DesiredState, Image, ImageMount, SealedState, Service
from gitopsd.model.files import Files
from gitopsd.model.release import Journal

NO_INPUTS = Inputs("", frozenset(), {})


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
    described = load(
        files,
        environment.path,
        environment.name,
        variables=host.variables,
        project=environment.project,
        host_dir=environment.host_dir,
        first_name=environment.first_name,
    )
    needs = frozenset(each.name for each in described.external)
    desired = with_secrets(described, *host.given(needs))
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
    if needs:
        values, reasons = host.given(needs)
        said += [keyed_digest(key, {name: value.hex() for name, value in values.items()}), dict(reasons)]
    return digest([files.input_digest(asked), *said])


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Images that the engine does not hold yet, by service: they must be pulled first."""

    missing: Mapping[str, str]


def find_images(
    loaded: Loaded, engine: EngineView, store: Store, journal: Journal, *, fresh: bool = False
) -> Inputs | Unsealed:
    """The image of each service: as recorded for these inputs, as before for an unchanged name, or as it is held."""
    known = {} if fresh else _recorded(loaded, store, journal)
    images: dict[str, Image] = {}
    missing: dict[str, str] = {}
    held: dict[str, Image | None] = {}
    for service in loaded.desired.services.values():
        image = known.get(service.name)
        if image is not None and image.reference == service.image and fits(image.platform, platform(service)):
            images[service.name] = image
            continue
        if service.image not in held:
            held[service.image] = engine.image(service.image)
        found = held[service.image]
        if found is None or not fits(found.platform, platform(service)):
            missing[service.name] = service.image
        else:
            images[service.name] = found
    missing |= _files_missing(loaded.desired, engine)
    return Unsealed(missing) if missing else Inputs(loaded.input_digest, loaded.asked, images, loaded.needs)


def _files_missing(desired: DesiredState, engine: EngineView) -> dict[str, str]:
    """Images that only give files, and are not there."""
    sources = {
        f"{service.name}: {mount.source}": mount.source
        for service in desired.services.values()
        for mount in service.mounts
        if isinstance(mount, ImageMount)
    }
    return {name: source for name, source in sources.items() if engine.image(source) is None}


def platform(service: Service) -> str:
    """The platform that a service's image is to be for; "" for the engine's own."""
    return str(service.options.get("platform") or "")


def platforms(desired: DesiredState) -> dict[str, str]:
    """The platforms that are asked for, by image."""
    return {each.image: platform(each) for each in desired.services.values() if platform(each)}


def _recorded(loaded: Loaded, store: Store, journal: Journal) -> Mapping[str, Image]:
    name = loaded.desired.environment
    serving = journal.serving.input_digest if journal.serving is not None else ""
    before = (store.inputs(name, serving) or NO_INPUTS).images if serving else {}
    return {**before, **(store.inputs(name, loaded.input_digest) or NO_INPUTS).images}


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
        identities = digest({name: image.identity for name, image in inputs.images.items()})
        where = (loaded.input_digest, identities)
        if where not in self._sealed:
            self._store.save_inputs(loaded.desired.environment, inputs)
            state = sealed(loaded, inputs.images, self._store.key(), self._version)
            self.secrecy.meet(each.fingerprint for each in state.services.values())
            self._sealed = {**dict(list(self._sealed.items())[-4:]), where: state}
        return replace(self._sealed[where], revision=loaded.revision)

    def recorded(self, environment: Environment, files: Files, host: Host, then: str) -> SealedState | None:
        """The state of an earlier revision as it is with what the host says now; None where it cannot be rebuilt.

        `then` is its input digest when it was released: the images of that time count, whatever the host said.
        """
        loaded = self.load(environment, files, host)
        inputs = self._store.inputs(environment.name, loaded.input_digest)
        if inputs is None and not loaded.desired.unset:
            inputs = self._store.inputs(environment.name, then)
        if inputs is None or set(inputs.images) < set(loaded.desired.services):
            return None
        return self.seal(loaded, Inputs(loaded.input_digest, loaded.asked, inputs.images, loaded.needs))

    def again(
        self, environment: Environment, files: Files, input_digest: str, host: Host
    ) -> tuple[SealedState, Inputs] | None:
        """What was released with these inputs, as this version loads and seals it; None when they are not the same.

        What that version looked at is compared: this one may look at other files.
        """
        then = self._store.inputs(environment.name, input_digest)
        key = self._store.key()
        if then is None or inputs_digest(environment, files, then.asked, then.needs, host, key) != input_digest:
            return None
        loaded = self.load(environment, files.again(), host)
        if set(then.images) < set(loaded.desired.services):
            return None
        state = sealed(loaded, then.images, key, self._version)
        return state, Inputs(loaded.input_digest, loaded.asked, then.images, loaded.needs)
