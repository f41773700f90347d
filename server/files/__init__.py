"""Office files in and out: readers that trust nothing, writers that leave nothing alive in a cell."""
