"""The loop: observe, ask the pure half, write the intent down, act, look again. Effects are reached through ports."""
