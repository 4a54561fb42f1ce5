"""Long work: minutes to hours, done once whatever dies meanwhile."""

from chassis._failures import Failure
from chassis.child.runner import Call, ChildDied, ChildFailed, run_in_child
from chassis.work._desk import Desk, TaskFilter, TaskLine
from chassis.work._lanes import Lane
from chassis.work._task import LeaseLost, Task
from chassis.work._workbench import Workbench

__all__ = [
    "Call",
    "ChildDied",
    "ChildFailed",
    "Desk",
    "Failure",
    "Lane",
    "LeaseLost",
    "Task",
    "TaskFilter",
    "TaskLine",
    "Workbench",
    "run_in_child",
]
