"""The business's figures: committed lines are counted once each, and sums of them are what the figures are made of."""
