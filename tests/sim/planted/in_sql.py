"""The planted bugs that live in SQL, where the store in memory has nothing to spoil: interleaving tests prove each.

The wrong designs stand in `tests/adapters/postgres/wrong`; each is installed by a test beside that folder, which shows
how it loses, and that the right one does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

IN_SQL: Final[Mapping[str, tuple[str, ...]]] = {
    "lost wake-up: the child": (
        "child_check_without_share",
        "child_share_without_check",
        "child_without_share_or_check",
    ),
    "lost wake-up: the parent": ("waits_read_while_locking", "wake_beside_the_wait", "binding_locks_nothing"),
    "lost wake-up: the worker": (
        "one_wake_do_nothing",
        "wake_deleted_at_any_version",
        "wake_deleted_when_taken",
        "wake_several_targets",
    ),
    "state applied on a redelivery": ("apply_in_one_statement", "lane_rows_unconditional"),
    "reference unchecked": ("relied_unlocked",),
    "claim that nobody holds": ("claim_held_by_another",),
    "unknown commit resolved by version": ("resolve_by_version",),
    "second head sent": ("next_command", "claim_head_first", "release_by_key", "abandon_at_once"),
    "deadlocks": ("unsorted",),
}
