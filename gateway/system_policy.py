"""What the policy file says of every system, whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.batching import SINGLY, BatchRules
from gateway.gate_policy import GatePolicy
from gateway.rules import OVERDUE_SECONDS


class PolicyInvalid(ValueError):
    """The policy file cannot be used; whoever wrote it must act."""


class SystemPolicy(BaseModel):
    """Where a system is, and what holds commands to it back.

    A kind of system adds `credential`, the field of its secret, that field, and another one with `_file` behind it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    credential: ClassVar[str]

    url: str = Field(pattern=r"^https?://[^\s]+$")
    timeout_seconds: float = Field(default=30, ge=5, le=300)
    """For a whole attempt, of which up to 5 seconds may go into getting a connection."""
    concurrency: int = Field(default=16, ge=1, le=256)
    """Attempts in flight at most, over all processes."""
    gate: GatePolicy = GatePolicy()
    """What else holds commands to it back."""
    overdue_seconds: float = Field(default=OVERDUE_SECONDS, ge=60, le=2_592_000)
    """How long one of its commands may stand open before a case is opened; it goes on being tried after that."""

    @field_validator("url")
    @classmethod
    def _address_alone(cls, url: str) -> str:
        parts = urlsplit(url)
        if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("name a host, and leave out user, password, query, and fragment")
        return url

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        """A secret stands in a file of its own or, to try things out, in the policy file."""
        key = self.credential
        if (self._written_secret is None) == (self.secret_file is None):
            raise ValueError(f"give either `{key}_file` or, to try things out, `{key}`")
        if self._written_secret is not None and not _is_secret(self._written_secret):
            raise ValueError(f"write `{key}` as printable ASCII without spaces")
        return self

    @property
    def batches(self) -> BatchRules:
        """Which operations travel together; none, unless the kind of system says so."""
        return SINGLY

    @property
    def has_books(self) -> bool:
        """Whether its books can be read; not, unless the kind of system says so."""
        return False

    @property
    def secret_file(self) -> Path | None:
        """The file of the secret; None where it stands in the policy file."""
        file: Path | None = getattr(self, f"{self.credential}_file")
        return file

    def secret(self) -> str:
        """The secret. Raises `PolicyInvalid` if its file cannot be read, or holds none."""
        if self.secret_file is None:
            return self._written_secret or ""
        return _read(f"{self.credential}_file", self.secret_file)

    @property
    def _written_secret(self) -> str | None:
        secret: str | None = getattr(self, self.credential)
        return secret


def _read(key: str, file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PolicyInvalid(f"{key} {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"{key} {file}: it is not text") from error
    if not _is_secret(secret):
        raise PolicyInvalid(f"{key} {file}: write one line of printable ASCII without spaces into it")
    return secret


def _is_secret(text: str) -> bool:
    """Whether a text can be sent as a credential."""
    return text.isascii() and text.isprintable() and " " not in text and bool(text)
