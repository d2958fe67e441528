"""Other systems' ids, listed, exported, and imported before a legal entity goes live."""
