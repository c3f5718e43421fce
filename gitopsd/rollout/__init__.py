"""One service on its way from one fingerprint to another: a state machine without memory or clock. Pure."""

from gitopsd.rollout.aside import stand_aside
from gitopsd.rollout.fence import Fence, fence
from gitopsd.rollout.machine import Turn, advance
from gitopsd.rollout.member import Member
from gitopsd.rollout.sharing import Sharing
from gitopsd.rollout.slots import Said

__all__ = ["Fence", "Member", "Said", "Sharing", "Turn", "advance", "fence", "stand_aside"]
