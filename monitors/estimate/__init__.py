"""How good the answers are likely to be, before any label tells."""
