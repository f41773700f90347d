"""The marketplace of practices: everyone at the right stall, and a panel that leads somewhere."""
