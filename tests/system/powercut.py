"""A file system whose power can be cut: ext4 in a file, and EXT4_IOC_SHUTDOWN.

What was not synced when it is cut is gone afterwards, as on a machine whose plug is pulled: the
kernel drops dirty pages and writes nothing more, the journal included.
"""

import fcntl
import os
import pathlib
import struct
import subprocess

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, linux/ext4.h
_NO_LOG_FLUSH = 2       # EXT4_GOING_FLAGS_NOLOGFLUSH


def why_not():
    """Why this machine cannot do it, or None."""
    if os.geteuid() != 0:
        return "needs root to mount a loop device"
    probe = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "there is no loop device"


class Disk:
    def __init__(self, directory, megabytes=512):
        self.image = pathlib.Path(directory) / "disk.img"
        self.mount_point = pathlib.Path(directory) / "disk"
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-F", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.mount_point))

    def unmount(self):
        run("umount", str(self.mount_point))

    def cut(self):
        """From now on every write fails and nothing reaches the image. A sync under way may still end
        with success though nothing of it does (Linux 6.18, in 6 of some 400 cuts under load: the
        extents of its new blocks stay unwritten), so that what is said meanwhile proves nothing."""
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def back(self):
        """Power returns: the journal is replayed. Nobody may have a file open."""
        self.unmount()
        self.mount()

    def remove(self):
        subprocess.run(["umount", "-l", str(self.mount_point)], capture_output=True, check=False)


def run(*command):
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
