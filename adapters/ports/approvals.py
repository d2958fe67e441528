"""Port to what a second person must allow. The audit is its only record: asking, giving, and using are acts of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

ENTITY: Final = "approval"
"""What such acts are about; their key is the name of what is asked for."""
ASKED: Final = "approval.ask"
GIVEN: Final = "approval.give"
USED: Final = "approval.use"
STEPS: Final = (ASKED, GIVEN, USED)
"""Whatever else the audit has under the same name, such as a pause of a key that is called so, is no step."""
LASTS: Final = timedelta(hours=24)
"""How long each step counts: afterwards somebody has to ask anew."""


class NotToApprove(RuntimeError):
    """Nobody asks for this now, or it is the person's own; the message says which."""


NOBODY_ASKS: Final = "nobody asks for this now: it was used, approved, or is older than 24 hours"
ONE_S_OWN: Final = "it was asked for by the same person"


class Approvals(Protocol):
    """`what` names exactly what is asked for, and by whom: it belongs to one person. Verbs raise `StoreUnavailable`.

    `actor` may be the API key of a person: whoever has made it gives nothing that it asks for.
    """

    async def use(self, what: str, *, actor: str, reason: str) -> datetime | None:
        """Use up what another person has given; None: nobody has, and it is asked for from now on.

        Each approval is used once, however many use it at one time. The moment at which it was used is answered, by
        the store's clock. Audited, but for the same question again.
        """
        ...

    async def used(self, what: str) -> datetime | None:
        """When it was used, if that still counts: for further pages of the one act that it was given for.

        None: it was not, or was asked for anew since.
        """
        ...

    async def give(self, what: str, *, actor: str, reason: str) -> None:
        """Allow what somebody else asks for, once. Audited. Raises `NotToApprove`."""
        ...

    async def close(self) -> None: ...
