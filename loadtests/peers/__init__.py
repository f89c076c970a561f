"""Other projects' servers with the bench model, each in an environment of its own, since their pins collide.

The `serve_*.py` files run with those environments' interpreters and import nothing of this project.
"""
