"""Examples, a generator and a checker for the plans of the marketplace and of the tables: none of it uses the engines."""
