"""Training in stages: recipes, data, losses, the loop and its checkpoints (needs the extra ``train``)."""
