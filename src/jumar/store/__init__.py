"""Where results are kept: an index of rows, blobs under their digests, and the store that puts both together."""
