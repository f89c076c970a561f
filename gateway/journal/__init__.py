"""The journal: every answer and refusal, written before it is sent."""
