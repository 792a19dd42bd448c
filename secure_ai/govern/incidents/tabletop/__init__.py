"""The tabletop: an incident played minute by minute from logs that the kit's own rooms write."""
