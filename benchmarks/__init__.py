"""Measurements: what the importer costs, as whole child processes, compared within one run."""
