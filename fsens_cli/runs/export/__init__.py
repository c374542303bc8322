"""Finished runs in other people's formats, from their folders alone."""
