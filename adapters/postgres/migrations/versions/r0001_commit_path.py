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
        "0014_entities", "0020_recon", "0030_kpis", "0032_audit", "0040_replay", "0041_messages",
        "0042_lists", "0043_resend", "0050_api_keys", "0051_schema_uses", "0060_case_sums",
    )  # fmt: skip
    for name in names:
        run(name)
    sign()
