"""Who is told what a run does."""
