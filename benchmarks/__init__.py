"""Measurements: what an import costs, against the cheapest program that could do the same.

``python -m benchmarks`` runs them all, ``--quick`` small, ``--list`` says which there are. Everything that is measured
is a child process with a core of its own; what is compared runs in turns, so that a busy machine is busy for both.
"""
