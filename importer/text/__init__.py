"""Text that people read: wording, what states mean, formulas, unsafe characters."""
