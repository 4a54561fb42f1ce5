"""Runs the toy service as a process: ``python -m support.chassis_toy_main serve``."""

from chassis.run import run
from support.chassis_toy import Settings, build

if __name__ == "__main__":
    run(Settings, build)
