"""What it takes to mend a field that drifted."""

from typing import Literal

Cure = Literal["in-place", "recreate", "none"]
