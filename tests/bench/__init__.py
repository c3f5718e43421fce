"""Ratios against the real `docker compose` and raw engine calls, measured in one run: `make bench`."""
