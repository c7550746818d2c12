"""Counting different texts without ever keeping more than a bounded number of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

#: Most different texts that are counted one by one.
MOST_WORDS = 1_000
#: A longer text is no word of a vocabulary.
LONGEST_WORD = 200


class Distinct:
    """How often each text occurs.

    Attributes:
        counts: The first :data:`MOST_WORDS` different texts and how often each occurs.
        others: How many texts are not among them.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.others = 0

    @property
    def capped(self) -> bool:
        """Whether there are more different texts than are counted one by one."""
        return self.others > 0

    def take(self, texts: Iterable[str]) -> None:
        """Count more texts."""
        self.add(Counter(texts))

    def add(self, more: Counter[str]) -> None:
        """Count texts that were counted already."""
        counts = self.counts
        for text, count in more.items():
            if text in counts or (len(counts) < MOST_WORDS and len(text) <= LONGEST_WORD):
                counts[text] += count
            else:
                self.others += count
