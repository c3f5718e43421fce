"""Git repositories through bare mirrors in the state directory, and directories on disk that look like a commit."""
