"""The images that an environment brings to its engine: where there is room, and noted, so that they can go again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gitopsd.controller.ports import Clock, Engine, Store
from gitopsd.engine_json.live import shown_name
from gitopsd.model.desired import Image
from gitopsd.model.errors import DiskTooFull, EngineRefused
from gitopsd.model.image import Disk, PulledImage, size_text
from gitopsd.model.settings import ImageKeeping

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One engine's images, as one environment uses them."""

    environment: str
    engine: Engine
    store: Store
    clock: Clock

    def need_room(self, keeping: ImageKeeping) -> None:
        """DiskTooFull: less is free than the settings want. A disk that is out of sight is taken for large enough."""
        if keeping.min_free.of(100) == 0:
            return
        match self.engine.disk():
            case Disk(path=path, free=free, total=total) if free < keeping.min_free.of(total):
                raise DiskTooFull(
                    f"{size_text(free)} of {size_text(total)} are free at {path}, and images.min_free is "
                    f"{keeping.min_free}; free some space, or lower it in gitopsd.yaml"
                )

    def bring(self, reference: str, platform: str = "", progress: Progress = lambda _: None) -> Image:
        """Pull an image, and note it if the engine did not have it, whatever it was called there."""
        before = self._present()
        image = self.engine.pull(reference, progress, platform)
        if before is not None:
            self._note(image.id, reference, new=image.id not in before)
        return image

    def _present(self) -> frozenset[str] | None:
        """The images on the engine. None: it does not say, so nothing that comes may be taken for ours."""
        try:
            return frozenset(each.id for each in self.engine.held_images())
        except EngineRefused:
            return None

    def _note(self, image: str, reference: str, *, new: bool) -> None:
        engine, name = self.engine.facts().id, shown_name(reference)
        known = next((each for each in self.store.pulled() if (each.engine, each.id) == (engine, image)), None)
        if new:
            now = self.clock.now()
            self.store.save_pulled(PulledImage(engine, image, frozenset({name}), self.environment, now))
        elif known is not None and name not in known.references:
            self.store.save_pulled(replace(known, references=known.references | {name}))
