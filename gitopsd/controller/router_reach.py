"""Which environments the routers of an engine are for, and what they need to be had there."""

from gitopsd.controller.ports import Engine, Store
from gitopsd.controller.route_table import Routes
from gitopsd.model.errors import EngineError, RouterUnavailable


def on_engine(url: str, store: Store) -> set[str]:
    """The environments that have a journal, and were last looked at on this engine."""
    stored = set(store.environments())
    return {each.name for each in store.statuses() if each.engine == url and each.name in stored}


def of_kind(routes: Routes, *, swarm: bool) -> Routes:
    """The routes that are a swarm's router's, which finds its instances by their names, or those of the other one."""
    return {name: each for name, each in routes.items() if (each.names is not None) == swarm}


def fetch_image(engine: Engine, image: str) -> None:
    """Have the router's image on its engine. RouterUnavailable: it cannot be had now."""
    try:
        if engine.image(image) is None:
            engine.pull(image, lambda progress: None)
    except EngineError as error:
        raise RouterUnavailable(f"the router's image {image} is not at hand: {error}") from error
