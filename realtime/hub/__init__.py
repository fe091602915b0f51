"""The hub: sockets in, topics out. `reception.py` is where both meet the command table."""
