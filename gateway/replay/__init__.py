"""Replay of messages that stand still: planned without effect, then let go on at a pace, and compared with the plan."""
