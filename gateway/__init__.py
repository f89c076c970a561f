"""driftgate: a model-serving gateway with monitoring built in."""
