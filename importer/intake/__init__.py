"""Pass 1: an export is opened, mapped, and entered into a ledger. No network."""
