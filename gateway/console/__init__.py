"""The console: one page for whoever has no Grafana. Its files are in `static`, and go with the package."""
