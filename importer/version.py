"""The version, in one place that costs nothing to import; ``pyproject.toml`` reads it from here."""

__version__ = "0.1.0"
