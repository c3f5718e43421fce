"""Between our words and Engine JSON: specification to create body, limits to update body, content to archives. Pure."""
