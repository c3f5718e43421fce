"""A source of metrics in memory."""

from collections.abc import Mapping

from gitopsd.model.analysis import Metric, NoData, Reading


class FakeMetrics:
    """Implements `gitopsd.controller.metrics_port.Metrics`.

    `says` is what each query gives, with its variables filled in; any other gives nothing. `asked` are the queries, in
    their order. `lacking` is what the settings lack for it, "" for nothing.
    """

    def __init__(self) -> None:
        self.lacking = ""
        self.says: dict[str, Reading] = {}
        self.asked: list[str] = []

    def lacks(self, metric: Metric) -> str:
        return self.lacking if metric.source == "prometheus" else ""

    def read(self, metric: Metric, variables: Mapping[str, str]) -> Reading:
        query = metric.query
        for name, value in variables.items():
            query = query.replace(f"${{{name}}}", value).replace(f"${name}", value)
        self.asked.append(query)
        return self.says.get(query, NoData("nobody says anything"))
