"""What may be written in a mapping file: plain forms and parsed expressions, which know nothing of rows."""
