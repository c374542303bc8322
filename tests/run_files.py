"""What every finished run holds, whatever its verb."""

DESCRIBED = {"results.json", "quantities.csv", "samples.npz", "lines.csv", "figures.json", "summary.txt"}
