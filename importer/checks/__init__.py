"""What `check` finds in a whole export."""
