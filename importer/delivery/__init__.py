"""From the ledger to the server: the only package that creates cases, and that decides what may be sent again."""
