"""The command line: commands, and how what they find is shown. Everything heavy is imported when a command needs it."""
