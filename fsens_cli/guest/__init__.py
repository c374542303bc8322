"""Code of the user's: what it is called, how it is imported, and how it is run without harm."""
