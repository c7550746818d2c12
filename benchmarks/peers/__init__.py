"""What a person writes who needs this once: scripts with retries, on the same rows. Written as well as we could."""
