"""The files of a revision in, desired state out: YAML, interpolation, Compose, fingerprints. Pure."""
