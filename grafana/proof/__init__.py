"""Dashboards and rules against a real Prometheus: what every query of theirs gives, without a Grafana server."""
