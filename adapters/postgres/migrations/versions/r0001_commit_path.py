"""Revision 0001: tables and functions of the commit path, lanes, and outbox."""

from __future__ import annotations

from adapters.postgres.migrations.script import run, sign

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    names = (
        "0001_tables", "0002_commit", "0003_lanes", "0004_outbox", "0005_gates", "0006_suspects", "0007_restore",
        "0007_retention", "0008_pauses", "0009_overdue", "0010_storage", "0011_readers", "0012_cases", "0013_policy",
        "0014_entities", "0020_recon", "0030_kpis",
    )  # fmt: skip
    for name in names:
        run(name)
    sign()
