"""The values of `x-gitopsd` that are in force, and where each comes from."""

from dataclasses import dataclass, field

from gitopsd.model.canonical import Json


@dataclass(frozen=True, slots=True)
class Chosen:
    """Values in force, each with its origin in words: a place of a file, or `default`."""

    values: dict[str, Json] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Json, origin: str) -> None:
        self.values[key] = value
        self.origins[key] = origin

    def shown(self) -> dict[str, Json]:
        """Every value with its origin, for people."""
        return {key: {"value": value, "origin": self.origins[key]} for key, value in self.values.items()}
