"""What invoices share with nobody: where they belong, their posting, what comes of them, and who is told."""
