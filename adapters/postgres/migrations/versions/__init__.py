"""One module per revision; each names the SQL files that it runs."""
