"""The demo: a firm's day on real parts, and a summary that proves itself from the ERP's journal."""
