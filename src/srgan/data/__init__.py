"""Training pictures before the training: pairs, checks, tiles in tar files, drawn pages, distilled pairs."""
