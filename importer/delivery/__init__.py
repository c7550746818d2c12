"""From the ledger to the server: the only room that creates cases, and that decides what may be sent again."""
