"""What lies outside of the programs of several tests."""


class World:
    """What was done there, and what of it is broken. No part of what tasks compute, as it says itself."""

    def __init__(self):
        self.done, self.broken = [], set()
        self.is_broken, self.failures, self.gate = False, 0, None

    def __jumar_key__(self):
        return "world"

    def __reduce__(self):
        return _the_world, ()

    def begin(self, gate):
        """Be as new. The lists stay the same objects: tests may hold them."""
        self.done.clear()
        self.broken.clear()
        self.is_broken, self.failures, self.gate = False, 0, gate

    def do(self, *what):
        if what in self.broken:
            raise ConnectionError(f"{what} is broken")
        self.done.append(what)
        return len(self.done)


world = World()


def _the_world():
    return world
