"""What the tests share: tiny networks and runs, sample pictures and clips, malformed files, limits."""
