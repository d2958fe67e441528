"""The repair of what a reconciliation has found."""
