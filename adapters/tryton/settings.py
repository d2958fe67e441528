"""What has to be known of a Tryton: where it is, as whom we come, and how the firm's words map to its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TrytonSettings:
    """One database of a Tryton server.

    `companies`: legal entity -> name of the party of its company. `identifier_types`: country -> Tryton's type of
    tax identifier. `product`: code of what hours are billed as. `cancelled_status`: name of the status that works
    of a cancelled project get. `acknowledge`: patterns of names of warnings that are answered with yes.
    `round_to_even`: the legal entities that round half to even; the others round half up. `timeout`,
    `connect_timeout`, and `retry_after_cap` are seconds, `read_cap` bytes.
    """

    name: str
    url: str
    database: str
    user: str
    password: str = field(repr=False)
    companies: Mapping[str, str]
    operations: frozenset[str]
    identifier_types: Mapping[str, str] = field(default_factory=dict)
    product: str | None = None
    cancelled_status: str = "Done"
    acknowledge: tuple[str, ...] = ()
    round_to_even: frozenset[str] = frozenset()
    timeout: float = 30.0
    connect_timeout: float = 5.0
    read_cap: int = 1 << 22
    connections: int = 16
    retry_after_cap: float = 300.0


@dataclass(frozen=True, slots=True)
class TrytonFeedSettings:
    """How opportunities become events; see `gateway.tryton_policy.TrytonChanges`."""

    service_line: str
    tax_profile: str
    country: str
