"""Spans of requests for OpenTelemetry: chosen as a request comes, made of its record after it is answered."""
