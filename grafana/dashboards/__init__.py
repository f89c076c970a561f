"""The dashboards as code: one module for each, from the catalogue of metrics and the rules. See docs/dashboards.md."""
