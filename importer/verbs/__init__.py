"""One module for each thing that a user can ask for, and what they share."""
