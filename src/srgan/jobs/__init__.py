"""Many pictures: what becomes what, reading ahead and writing behind, the journal of a folder, machines in a cluster."""
