"""The pure core of scheduling: calls, what they wait for, and which may run next. No threads, no clock, no I/O."""
