"""What `check` finds in a whole export, by its profile and through its mapping, while it is staged.

Nothing here changes the outcome of a row, and a run does without it.
"""

from importer.quality.mapping_checks import Findings, QualityCheck

__all__ = ["Findings", "QualityCheck"]
