"""How much an environment's owner lets gitopsd do by itself."""

from typing import Literal

Mode = Literal["observe", "manual", "auto"]
