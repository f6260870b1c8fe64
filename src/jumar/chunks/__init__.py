"""Values by reference, wherever they lie: shared memory, scratch files on disk, the store's blobs."""
