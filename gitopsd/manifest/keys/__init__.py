"""One reader for each key of Compose: node in, canonical JSON out."""
