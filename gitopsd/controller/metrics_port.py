"""What the controller needs of those who measure: Prometheus, and whatever answers JSON over HTTP."""

from collections.abc import Mapping
from typing import Protocol

from gitopsd.model.analysis import Metric, Reading


class Metrics(Protocol):
    """Safe to use from several threads, of which each may wait for some seconds."""

    def read(self, metric: Metric, variables: Mapping[str, str]) -> Reading:
        """What a metric's source says now. `variables` are what those in its query stand for.

        Nothing is raised: a source that does not answer, or not with a number, is Trouble with that in words, and one
        that has nothing is NoData.
        """
        ...

    def lacks(self, metric: Metric) -> str:
        """What the settings lack for a metric ever to be asked for, with the mend; "" for nothing."""
        ...
