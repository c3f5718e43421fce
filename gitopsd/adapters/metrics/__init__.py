"""Asks what measures rollouts: Prometheus, and whatever answers JSON over HTTP."""
