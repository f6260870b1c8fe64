"""Which kind of file system a path lies on, as far as the kernel says."""

from __future__ import annotations

from pathlib import Path

NETWORK_TYPES = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
        *("gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb3", "smbfs"),
    )
)
"""Types whose locks and shared memory SQLite's WAL mode cannot rely on between machines."""

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux tells a process what is mounted for it."""


def mounted(file: Path = MOUNTS) -> str:
    """What is mounted where; empty where no such file is there, as on other systems than Linux: then nothing is known."""
    try:
        return file.read_text()
    except OSError:
        return ""


def network_type(path: Path, mounts: str | None = None) -> str | None:
    r"""The type of the network file system that holds the path, or None if it is local or cannot be told.

    Args:
        path: A path; its nearest existing parent counts.
        mounts: The text of a ``mountinfo`` file; the kernel's own if not given.

    Example:
        >>> network_type(Path("/data/x"), "21 1 0:20 / / rw - ext4 /dev/a rw\n36 21 0:32 / /data rw - nfs4 srv:/d rw")
        'nfs4'
    """
    if mounts is None:
        mounts = mounted()
    real = path.resolve()
    longest, found = -1, ""
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        # Blanks and other odd characters of a mount point stand as octal escapes.
        point = Path(mount.split(" ")[4].encode().decode("unicode_escape"))
        if len(point.parts) >= longest and real.is_relative_to(point):
            longest, found = len(point.parts), source.split(" ")[0]
    return found if found in NETWORK_TYPES else None
