"""What the environments of one engine have in common: the engine, and who acts, listens and asks there."""

from dataclasses import dataclass, field

from gitopsd.controller.crowd import Crowd
from gitopsd.controller.elsewhere import Elsewhere
from gitopsd.controller.execute import Executor
from gitopsd.controller.metering import Metering
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.ports import Clock, Engine, Probe, Timer
from gitopsd.controller.probing import Probing
from gitopsd.controller.router_desks import Desks
from gitopsd.controller.storm import Storm
from gitopsd.controller.swarm_port import Swarm
from gitopsd.controller.tally import Tally
from gitopsd.controller.visiting import Visiting
from gitopsd.controller.weighing import Weighing
from gitopsd.controller.witness import Witness


@dataclass(frozen=True, slots=True)
class Shared:
    """One engine, with the threads that act on it, ask, weigh, measure and visit its instances, and what events and
    restarts told.

    `desks` keep its routers. `tally` counts passes and events. `swarm` is the one that the
    engine manages, for the environments that say so. `elsewhere` asks other daemons; None: nobody is asked.
    """

    engine: Engine
    executor: Executor
    witness: Witness
    probing: Probing
    storm: Storm
    weighing: Weighing
    metering: Metering
    visiting: Visiting
    desks: Desks = field(default_factory=Desks)
    tally: Tally = field(default_factory=Tally)
    crowd: Crowd = field(default_factory=Crowd)
    swarm: Swarm | None = None
    elsewhere: Elsewhere | None = None


def shared(
    engine: Engine,
    probe: Probe,
    metrics: Metrics,
    clock: Clock,
    timer: Timer,
    desks: Desks | None = None,
    tally: Tally | None = None,
) -> Shared:
    return Shared(
        engine,
        Executor(clock),
        Witness(),
        Probing(probe, clock, timer),
        Storm(clock),
        Weighing(engine, clock, timer),
        Metering(engine, metrics, probe, clock, timer),
        Visiting(desks, clock, timer),
        desks or Desks(),
        tally or Tally(),
    )
