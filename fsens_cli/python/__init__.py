"""The verbs as functions of a model and images: no files, no configuration, results that show themselves."""
