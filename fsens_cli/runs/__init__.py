"""The only place that writes: run folders, provenance, tables and figures."""
