"""The whole product on one machine: servers, six services, one tenant with one user, started and stopped together.

with running(DataFolder.at(None)) as launched:
    talk_to(launched.url, launched.credentials)
"""

from matchcut.launcher.fault import LaunchFault
from matchcut.launcher.folder import DataFolder
from matchcut.launcher.launch import Launcher, running
from matchcut.launcher.state import State, read_state

__all__ = ["DataFolder", "LaunchFault", "Launcher", "State", "read_state", "running"]
