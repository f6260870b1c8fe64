"""How values become bytes and back: one module a codec, and the registry that finds the codec of a stored result."""
