"""Desired, applied and live state in, a plan out: what changes, why, in which order, at which cost. Pure."""
