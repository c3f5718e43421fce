"""Desired, applied and live state in, a plan out: what changes, why, in which order, at which cost. Pure."""

from gitopsd.plan.claims import Claim, claims, disputes
from gitopsd.plan.order import Replacement, replacement
from gitopsd.plan.planning import plan
from gitopsd.plan.text import plan_text

__all__ = ["Claim", "Replacement", "claims", "disputes", "plan", "plan_text", "replacement"]
