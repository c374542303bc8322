"""Pure tensor maths of spatial frequency: grids, radial bins, bases, bands, spectra."""
