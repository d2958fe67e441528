"""The scenarios of the features beside this file, played over the runtime as it ships, in virtual time."""

from __future__ import annotations

from pytest_bdd import scenarios

scenarios(".")
