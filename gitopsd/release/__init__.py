"""A release: its waves, its way back, and the repairs between releases. Pure."""

from gitopsd.release.inventory import members_of, recognise
from gitopsd.release.machine import Signals, Turn, advance
from gitopsd.release.opening import Candidate, begin, follow, refuse, verdict

__all__ = ["Candidate", "Signals", "Turn", "advance", "begin", "follow", "members_of", "recognise", "refuse", "verdict"]
