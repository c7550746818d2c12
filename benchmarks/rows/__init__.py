"""The rows of the table, in its order. A new one is entered with :func:`benchmarks.bench.measurement`."""

# For what they enter, in this order.
from benchmarks.rows import pipeline, account, reading, pace, books, startup, workers, peers, growth  # noqa: F401, I001
