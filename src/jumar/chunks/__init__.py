"""Values by reference, wherever they lie: shared memory, scratch files on disk, the store's blobs."""

LENT_MIN_BYTES = 256 * 1024
"""Smaller values are sent: to write, map and remove a file takes longer than to copy them twice."""
