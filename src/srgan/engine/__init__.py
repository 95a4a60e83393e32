"""Pictures of any size through a network, in bounded memory: tiles, sizes, transparency, the self-ensemble."""
