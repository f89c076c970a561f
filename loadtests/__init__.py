"""Load tests: drives a running gateway, or a server beside which it is measured, from outside.

`python -m loadtests run SCENARIO` puts one server under load; `python -m loadtests bench` compares servers.
"""
