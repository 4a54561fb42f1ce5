"""Runs the toy service with more kinds of task as a process: ``python -m support.work_toy_main serve``."""

from chassis.run import run
from support.chassis_toy import Settings
from support.work_toy import build

if __name__ == "__main__":
    run(Settings, build)
