"""Small programs that are measured: the baselines, and parts of the importer on their own."""
