"""All settings of a run: what they are, and where they are read from."""
