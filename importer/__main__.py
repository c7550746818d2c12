"""``python -m importer`` is the command ``case-importer``."""

from importer.cli import main

if __name__ == "__main__":
    main()
