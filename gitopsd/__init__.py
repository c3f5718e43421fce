"""gitopsd: a GitOps daemon and deployment engine for plain Docker."""

__version__ = "0.1.0"
