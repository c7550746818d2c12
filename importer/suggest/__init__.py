"""An export without a mapping: the draft of one, in which every guess is marked and explained."""
