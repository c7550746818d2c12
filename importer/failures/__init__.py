"""The rows to fix: written, fixed by a person, and read back."""
