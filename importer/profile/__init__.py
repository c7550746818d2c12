"""What is counted in the columns of an export; `check` and `suggest` decide by it."""
