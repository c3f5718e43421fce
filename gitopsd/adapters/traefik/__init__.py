"""The router port over a Traefik that people run themselves."""
