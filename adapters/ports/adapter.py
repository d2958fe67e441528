"""Port to a configured system of any kind, with all that its adapter brings."""

from __future__ import annotations

from typing import Protocol

from adapters.ports.declarations import Declares
from adapters.ports.inspection import Inspects
from adapters.ports.system import System


class Adapter(System, Declares, Inspects, Protocol):
    """It does commands, says what it is like, and can be asked what it is and what we may do there."""
