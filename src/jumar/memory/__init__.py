"""Results in memory: chunks that refer to values, and the pool that holds these within a budget."""
