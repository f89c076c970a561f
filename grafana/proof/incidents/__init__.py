"""Six hours that never were: a healthy morning, then drift, a failed rollout, a silent gateway and an outage."""
