"""What a workspace system is asked to do: a place for a project's documents and chat."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Id, Name, Note


class WorkspaceCreate(Record):
    """Make the place."""

    project_id: Id
    """Our canonical id."""
    legal_entity: Id
    name: Name

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

    @property
    def currency(self) -> None:
        """Moves no money."""
        return


class WorkspaceArchive(Record):
    """Close the place, whose deal was cancelled; what is in it is kept."""

    project_id: Id
    """Our canonical id."""
    workspace_id: Id
    """The system's own id of the place."""
    legal_entity: Id
    reason: Note

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

    @property
    def currency(self) -> None:
        """Moves no money."""
        return
