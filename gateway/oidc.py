"""The file that says whose tokens the API takes beside its own: an issuer of JWTs, and what its groups may do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from adapters.ports.api_keys import KEY_PREFIX
from gateway.callers import OPERATORS_NAME, Caller, Grants
from gateway.yaml_settings import parsed, read_text
from schemas.values import ID_BYTES

OIDC_FILE: Final = "TALLYSTICK_OIDC_FILE"
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Only those with a public key: with a shared secret whoever can check a token could make one."""


class Oidc(BaseModel):
    """An issuer. One of `jwks_url` and `jwks_file` says where its keys stand."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: Annotated[str, Field(min_length=1)]
    """What its tokens name as `iss`."""
    audience: Annotated[str, Field(min_length=1)]
    """What they must name as `aud`: tokens for other services are no tokens for this one."""
    jwks_url: Annotated[str, Field(pattern=r"^https://[!-?A-~]+$")] | None = None
    jwks_file: Path | None = None
    allow_private: bool = False
    """Whether `jwks_url` may stand in a private network."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256")
    name_claim: Annotated[str, Field(min_length=1)] = "sub"
    """Who it is, for the audit: a claim that nobody can choose, and for an employee the id of the employee."""
    groups_claim: Annotated[str, Field(min_length=1)] = "groups"
    groups: Mapping[str, Grants]
    """What members of a group may do; of several the first that stands here counts."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("write jwks_url or jwks_file")
        return self

    def caller(self, claims: Mapping[str, object]) -> Caller | None:
        """Who the claims of a good token stand for; None if nobody who may ask."""
        name, groups = claims.get(self.name_claim), claims.get(self.groups_claim)
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name.encode()) <= ID_BYTES):
            return None
        if name == OPERATORS_NAME or name.startswith(KEY_PREFIX) or not isinstance(groups, list):
            return None
        return next((grants.to(name) for group, grants in self.groups.items() if group in groups), None)


_OIDC: Final = TypeAdapter(Oidc)


def read_oidc(path: Path) -> Oidc:
    """The issuer in a file. Raises `SettingsInvalid`, one line for each mistake, with where it stands."""
    place = f"{OIDC_FILE}: {path}"
    return parsed(read_text(path, place), place, _OIDC, tuple(Oidc.model_fields))
