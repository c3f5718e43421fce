"""Git repositories through bare mirrors in the state directory, and directories on disk that look like a commit."""

from gitopsd.adapters.git.address import Address, address
from gitopsd.adapters.git.directory import directory_files
from gitopsd.adapters.git.source import GitSource, open_source

__all__ = ["Address", "GitSource", "address", "directory_files", "open_source"]
