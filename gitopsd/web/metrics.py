"""`/metrics` for Prometheus: what the store says now, and what this daemon has counted since it began.

Labels are environments, services, repositories and engines, and words of closed lists: never what somebody wrote.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from starlette.responses import Response

from gitopsd import __version__
from gitopsd.controller.page_port import Doorbell
from gitopsd.controller.ports import Store
from gitopsd.controller.queries.delivery import Delivery, delivery
from gitopsd.controller.queries.view import View
from gitopsd.controller.tally import BOUNDS_S
from gitopsd.model.route import ALL
from gitopsd.model.status import EnvironmentStatus
from gitopsd.web.access import reading
from gitopsd.web.asking import Asking

TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_EVENTS = 5000
MOST_RELEASES = 200  # of an environment, for what is told of the last 30 days
MOST_BEHIND = 100
TOOK_BOUNDS_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
RELEASE = ("environment", "outcome")
UNTOLD = ("NotificationLost", "NotificationsDropped")
MOST_WAITING = 1000  # messages of one receiver
AGAIN_S = 600
Moment = tuple[int, str | None, float] | None  # the newest release, whether it has ended, and about when
Past = tuple[Delivery, datetime | None]  # and when the last good release ended

exposition = APIRouter()


@exposition.get("/metrics", summary="Metrics for Prometheus", response_class=Response, dependencies=[Depends(reading)])
def metrics(request: Request) -> Response:
    registry = CollectorRegistry()
    registry.register(request.app.state.collector)
    return Response(generate_latest(registry), media_type=TYPE)


class Counted:
    """Ended releases and messages given up, from the ledger's first event on: each once, so that counts only grow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._after = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.took: dict[str, tuple[list[int], float]] = {}
        self.given_up = 0

    def read(self, store: Store) -> None:
        with self._lock:
            while events := store.events(self._after, limit=MOST_EVENTS):
                self._after = events[-1].number
                for event in events:
                    if event.reason == "ReleaseEnded" and event.release is not None:
                        self._count(store, event.release)
                    if event.reason in UNTOLD:
                        self.given_up += int(str(event.data.get("given_up", 1)))

    def _count(self, store: Store, number: int) -> None:
        release = store.release(number)
        if release is None or release.outcome is None or release.finished_at is None:
            return
        self.outcomes[release.environment, release.outcome] += 1
        seconds = (release.finished_at - release.started_at).total_seconds()
        buckets, total = self.took.setdefault(release.environment, ([0] * (len(TOOK_BOUNDS_S) + 1), 0.0))
        at = next((i for i, bound in enumerate(TOOK_BOUNDS_S) if seconds <= bound), len(TOOK_BOUNDS_S))
        buckets[at] += 1
        self.took[release.environment] = (buckets, total + seconds)


class GitopsdCollector:
    """Asked at every scrape; it keeps only what must not be counted twice."""

    def __init__(self, doorbell: Doorbell, asking: Asking) -> None:
        self._doorbell, self._asking = doorbell, asking
        self._ledger = Counted()
        self._past: dict[str, tuple[Moment, Past]] = {}

    def describe(self) -> list[Metric]:
        return []  # the names need no look

    def collect(self) -> Iterator[Metric]:
        view = self._asking.view()
        self._ledger.read(view.store)
        build = GaugeMetricFamily("gitopsd_build_info", "Which gitopsd this is.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._environments(view)
        yield from self._of_ledger()
        yield from self._messages(view)
        yield from self._counted()

    def _environments(self, view: View) -> Iterator[Metric]:
        statuses = view.store.statuses()
        yield _info(statuses)
        yield _services(statuses)
        yield from _swarms(statuses)
        gauges = _Gauges()
        for status in statuses:
            self._of_environment(view, status, gauges)
        yield from gauges.families()
        for repository in view.store.repositories():
            if repository.seen_at is not None:
                gauges.seen.add_metric([repository.name], repository.seen_at.timestamp())
        yield gauges.seen

    def _of_environment(self, view: View, status: EnvironmentStatus, gauges: "_Gauges") -> None:
        name, store = status.name, view.store
        items = store.drift(name).items
        gauges.drift.add_metric([name], sum(max(1, len(item.changes)) for item in items))
        gauges.held.add_metric([name], len(status.holds))
        gauges.behind.add_metric([name], self._behind(view, status))
        found, good = self._past_of(view, name)
        if good is not None:
            gauges.success.add_metric([name], good.timestamp())
        gauges.frequency.add_metric([name], found.frequency)
        for family, value in (
            (gauges.failures, found.failure_rate),
            (gauges.lead, found.lead_time_s),
            (gauges.restore, found.restore_s),
        ):
            if value is not None:
                family.add_metric([name], value)
        for service, routed in store.journal(name).routes.items():
            gauges.share.add_metric([name, service, "b"], routed.share / ALL)
            gauges.share.add_metric([name, service, "a"], 1 - routed.share / ALL)

    def _past_of(self, view: View, name: str) -> Past:
        """Worked out anew once a release has begun or ended, and now and then, as releases leave the 30 days."""
        newest = view.store.releases(name, 1)
        moment = (newest[0].number, newest[0].outcome, view.now.timestamp() // AGAIN_S) if newest else None
        kept = self._past.get(name)
        if kept is not None and kept[0] == moment:
            return kept[1]

        def made_at(revision: str) -> datetime | None:
            commit = self._asking.commit(view, name, revision)
            return commit.at if commit is not None else None

        releases = view.store.releases(name, MOST_RELEASES)
        good = next((each.finished_at for each in releases if each.outcome == "succeeded"), None)
        self._past[name] = moment, (delivery(releases, made_at, view.now), good)
        return self._past[name][1]

    def _behind(self, view: View, status: EnvironmentStatus) -> int:
        """Commits from what serves to what is wanted, along first parents; at most MOST_BEHIND."""
        if status.desired_revision in ("", status.revision) or not status.revision:
            return 0
        commit, count = status.desired_revision, 0
        while commit != status.revision and count < MOST_BEHIND:
            found = self._asking.commit(view, status.name, commit)
            count += 1
            if found is None or not found.parents:
                break
            commit = found.parents[0]
        return count

    def _of_ledger(self) -> Iterator[Metric]:
        total = CounterMetricFamily("gitopsd_release", "Releases that have ended.", labels=RELEASE)
        for (environment, outcome), count in sorted(self._ledger.outcomes.items()):
            total.add_metric([environment, outcome], count)
        yield total
        took = HistogramMetricFamily(
            "gitopsd_release_duration_seconds", "From begin to end of a release.", labels=["environment"]
        )
        for environment, (buckets, seconds) in sorted(self._ledger.took.items()):
            took.add_metric([environment], _buckets(TOOK_BOUNDS_S, buckets), seconds)
        yield took

    def _messages(self, view: View) -> Iterator[Metric]:
        """What waits for whom the settings name, and for whom anything waits."""
        waiting = GaugeMetricFamily(
            "gitopsd_notifications_waiting", "Messages that were not taken yet.", labels=["receiver"]
        )
        for name in sorted({*(each.name for each in view.settings.notify), *view.store.receivers()}):
            waiting.add_metric([name], len(view.store.deliveries(name, MOST_WAITING)))
        yield waiting
        given_up = CounterMetricFamily("gitopsd_notifications_given_up", "Messages that nobody took, and nobody gets.")
        given_up.add_metric([], self._ledger.given_up)
        yield given_up

    def _counted(self) -> Iterator[Metric]:
        counts = self._doorbell.application().tally.counts()
        git = CounterMetricFamily("gitopsd_git_requests", "Questions to Git remotes.", labels=["repository", "result"])
        for (repository, answered), count in sorted(counts.git.items()):
            git.add_metric([repository, "answered" if answered else "failed"], count)
        yield git
        events = CounterMetricFamily("gitopsd_engine_events", "Events that engines told.", labels=["engine"])
        for engine, count in sorted(counts.events.items()):
            events.add_metric([engine], count)
        yield events
        passes = HistogramMetricFamily(
            "gitopsd_reconcile_duration_seconds", "Passes over an environment.", labels=["environment"]
        )
        for environment, durations in sorted(counts.passes.items()):
            passes.add_metric([environment], _buckets(BOUNDS_S, durations.within), durations.total_s)
        yield passes
        failed = CounterMetricFamily("gitopsd_reconcile_failures", "Passes that failed.", labels=["environment"])
        for environment, count in sorted(counts.failed_passes.items()):
            failed.add_metric([environment], count)
        yield failed


class _Gauges:
    """The families that have a line for each environment."""

    def __init__(self) -> None:
        def by_environment(name: str, what: str, *more: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, what, labels=["environment", *more])

        self.drift = by_environment("gitopsd_drift_fields", "Fields that drift; a resource as a whole counts as one.")
        self.held = by_environment("gitopsd_holds", "What holds releases back.")
        self.behind = by_environment("gitopsd_commits_behind", "Commits from what serves to what is wanted.")
        self.success = by_environment("gitopsd_last_success_timestamp_seconds", "End of the last good release.")
        self.share = by_environment("gitopsd_rollout_share", "Share of a router's slot, 0 to 1.", "service", "slot")
        self.frequency = by_environment("gitopsd_deployments_per_day", "Good releases a day, over 30 days.")
        self.failures = by_environment("gitopsd_change_failure_ratio", "Bad releases among ended ones, over 30 days.")
        self.lead = by_environment("gitopsd_lead_time_seconds", "From commit to serving, median over 30 days.")
        self.restore = by_environment("gitopsd_time_to_restore_seconds", "From bad to good, median over 30 days.")
        self.seen = GaugeMetricFamily(
            "gitopsd_repository_seen_timestamp_seconds", "When a repository last answered.", labels=["repository"]
        )

    def families(self) -> tuple[GaugeMetricFamily, ...]:
        return (
            *(self.drift, self.held, self.behind, self.success, self.share),
            *(self.frequency, self.failures, self.lead, self.restore),
        )


def _info(statuses: tuple[EnvironmentStatus, ...]) -> GaugeMetricFamily:
    labels = ["environment", "sync", "health", "mode"]
    info = GaugeMetricFamily("gitopsd_environment_info", "How an environment stands, in words.", labels=labels)
    for status in statuses:
        info.add_metric([status.name, status.sync, status.health, status.mode], 1)
    return info


def _services(statuses: tuple[EnvironmentStatus, ...]) -> GaugeMetricFamily:
    labels = ["environment", "service", "state"]
    found = GaugeMetricFamily("gitopsd_service_instances", "Instances that are wanted, and ready.", labels=labels)
    for status in statuses:
        for service in status.services:
            found.add_metric([status.name, service.name, "desired"], service.desired)
            found.add_metric([status.name, service.name, "ready"], service.ready)
    return found


def _swarms(statuses: tuple[EnvironmentStatus, ...]) -> Iterator[GaugeMetricFamily]:
    """Of each swarm once, however many environments are on it."""
    swarms = {status.engine: status for status in statuses if status.nodes}
    nodes = GaugeMetricFamily("gitopsd_swarm_nodes", "Nodes of a swarm.", labels=["engine", "role", "standing"])
    managers = GaugeMetricFamily("gitopsd_swarm_managers", "Managers of a swarm.", labels=["engine"])
    reachable = GaugeMetricFamily("gitopsd_swarm_managers_reachable", "Managers that are heard.", labels=["engine"])
    spare = GaugeMetricFamily("gitopsd_swarm_managers_spare", "Managers that may yet be lost.", labels=["engine"])
    for engine, status in sorted(swarms.items()):
        for (role, standing), count in sorted(Counter((each.role, each.standing) for each in status.nodes).items()):
            nodes.add_metric([engine, role, standing], count)
        if (quorum := status.quorum) is not None:
            managers.add_metric([engine], quorum.managers)
            reachable.add_metric([engine], quorum.reachable)
            spare.add_metric([engine], quorum.spare)
    waiting = GaugeMetricFamily(
        "gitopsd_service_tasks_pending", "Tasks that Swarm finds no place for.", labels=["environment", "service"]
    )
    for status in statuses:
        for service in status.services if status.nodes else ():
            waiting.add_metric([status.name, service.name], service.pending)
    yield from (nodes, managers, reachable, spare, waiting)


def _buckets(bounds: tuple[float, ...], counts: "list[int] | tuple[int, ...]") -> list[tuple[str, float]]:
    """As Prometheus has them: each counts all that is within its bound."""
    within, found = 0, []
    for bound, count in zip((*bounds, float("inf")), counts, strict=True):
        within += count
        found.append(("+Inf" if bound == float("inf") else repr(bound), float(within)))
    return found
