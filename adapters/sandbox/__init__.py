"""Sandbox CRM, PSA, and ERP: real servers that behave like business systems, and misbehave on demand."""
