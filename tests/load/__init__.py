"""The bench: what the room feels when it is full, measured beside a bare loop and python-socketio in the same run."""
