"""Pictures of the dashboards, drawn with Grafana's own React components in a headless Chromium: no Grafana server is run."""
