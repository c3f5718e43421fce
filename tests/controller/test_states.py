"""Which image each service runs: the one that the engine holds, if it is what the service asks for."""

from dataclasses import replace
from typing import Any

from gitopsd.controller.states import Asking, Inputs, Loaded, Unsealed, find_images, platforms
from gitopsd.model.desired import DesiredState, ImageMount
from gitopsd.model.release import Journal
from tests.builders import NOON, a_service, a_state
from tests.fakes.containers import STEADY, Held
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore


def found(engine: FakeEngine, **options: Any) -> Inputs | Unsealed:
    return images_of(a_state(a_service(options=options)).desired, engine)


def images_of(desired: DesiredState, engine: FakeEngine) -> Inputs | Unsealed:
    loaded = Loaded(desired, revision="", input_digest="", asked=frozenset(), needs=frozenset(), waves=())
    return find_images(loaded, engine, FakeStore(), Journal("production"), Asking({}, NOON))


def holding(platform: str) -> FakeEngine:
    engine = FakeEngine()
    image = replace(engine.add_image("web:1"), platform=platform)
    engine.images["web:1"] = Held(image, STEADY)
    return engine


def test_an_image_for_another_platform_is_pulled() -> None:
    engine = holding("linux/amd64")

    assert found(engine, platform="linux/arm64") == Unsealed({"web": "web:1"}, {})
    assert isinstance(found(engine, platform="linux/amd64"), Inputs)
    assert isinstance(found(engine), Inputs)
    assert platforms(a_state(a_service(options={"platform": "linux/arm64"})).desired) == {"web:1": "linux/arm64"}


def test_an_image_whose_files_are_mounted_is_pulled_too() -> None:
    engine = holding("linux/amd64")
    service = replace(a_service().service, mounts=(ImageMount("files:1", "/files"),))
    desired = replace(a_state(a_service()).desired, services={"web": service})

    lacking = images_of(desired, engine)
    assert isinstance(lacking, Unsealed)
    assert lacking.missing == {"web: files:1": "files:1"}

    engine.add_image("files:1")
    assert isinstance(images_of(desired, engine), Inputs)
