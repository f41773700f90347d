"""A path: a capacity-building programme with its sessions, and the dossier of all that they left (DESIGN 3)."""
