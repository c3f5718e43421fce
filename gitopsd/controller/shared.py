"""What the environments of one engine have in common: the engine, and who acts, listens and asks there."""

from dataclasses import dataclass

from gitopsd.controller.execute import Executor
from gitopsd.controller.ports import Clock, Engine, Probe, Timer
from gitopsd.controller.probing import Probing
from gitopsd.controller.routing import RouterDesk
from gitopsd.controller.storm import Storm
from gitopsd.controller.weighing import Weighing
from gitopsd.controller.witness import Witness


@dataclass(frozen=True, slots=True)
class Shared:
    """One engine, with the threads that act on it, ask and weigh its instances, and what events and restarts told.

    `desk` keeps its router; None: nobody routes here.
    """

    engine: Engine
    executor: Executor
    witness: Witness
    probing: Probing
    storm: Storm
    weighing: Weighing
    desk: RouterDesk | None = None


def shared(engine: Engine, probe: Probe, clock: Clock, timer: Timer, desk: RouterDesk | None = None) -> Shared:
    return Shared(
        engine,
        Executor(clock),
        Witness(),
        Probing(probe, clock, timer),
        Storm(),
        Weighing(engine, clock, timer),
        desk,
    )
