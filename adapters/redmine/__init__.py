"""Redmine as PSA, over its REST API."""
