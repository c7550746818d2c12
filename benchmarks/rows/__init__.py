"""The rows of the table, in its order. A new one is entered with :func:`benchmarks.bench.measurement`."""

from benchmarks.rows import pipeline, reading, pace, books, startup, workers, peers, growth  # noqa: F401, I001  # for what they enter, in this order
