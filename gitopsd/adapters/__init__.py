"""The world behind the ports: one library a file or package."""
