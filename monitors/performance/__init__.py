"""How good the answers were, once labels tell."""
