"""A model file as a function: its graph, compiled by a backend and kept between runs."""
