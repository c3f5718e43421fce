"""What was left behind, held against what is there: missing, extra, stopped, renamed, of another make. Pure."""

from gitopsd.drift.detect import drift, not_checked, remembered
from gitopsd.drift.ending import end_words, ending
from gitopsd.drift.layers import layer_drift, untold

__all__ = ["drift", "end_words", "ending", "layer_drift", "not_checked", "remembered", "untold"]
