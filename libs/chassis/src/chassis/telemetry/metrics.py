"""Counters every service serves on /metrics; the namespace is ``chassis``."""

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "FACTS_DEAD",
    "FACTS_FENCED",
    "FACTS_HANDLED",
    "FACTS_REAPED",
    "FACTS_REPEATED",
    "FACTS_RETRIED",
    "FACTS_SENT",
    "FACT_SECONDS",
    "GROUP_LAG",
    "GROUP_PENDING",
    "LEADER",
    "LEASES_LOST",
    "LETTERS_DEAD",
    "OUTBOX_AGE",
    "OUTBOX_RESENT",
    "OUTBOX_ROWS",
    "TASKS",
    "TASKS_ENDED",
    "TASKS_FENCED",
    "TASKS_RECONCILED",
    "TASK_SECONDS",
]

_FACT_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_TASK_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)

FACTS_HANDLED = Counter("chassis_facts_handled_total", "Facts whose effects were committed.", ["stream"])
FACTS_REPEATED = Counter("chassis_facts_repeated_total", "Redeliveries the inbox recognised; no effect.", ["stream"])
FACTS_RETRIED = Counter("chassis_facts_retried_total", "Handler failures that will be tried again.", ["stream"])
FACTS_DEAD = Counter("chassis_facts_dead_total", "Facts put on a dead-letter stream.", ["stream", "reason"])
FACTS_REAPED = Counter("chassis_facts_reaped_total", "Facts taken from a consumer that fell silent.", ["stream"])
FACTS_FENCED = Counter(
    "chassis_facts_fenced_total", "Deliveries dropped: another consumer holds the entry.", ["stream"]
)
FACT_SECONDS = Histogram(
    "chassis_fact_seconds", "Time from delivery to commit or failure.", ["stream"], buckets=_FACT_BUCKETS
)
GROUP_LAG = Gauge("chassis_group_lag", "Entries this service's group has not read yet.", ["stream"])
GROUP_PENDING = Gauge("chassis_group_pending", "Entries read by this service's group and not settled.", ["stream"])
LETTERS_DEAD = Gauge("chassis_dead_letters", "Entries on the dead-letter stream that wait for a person.", ["stream"])

FACTS_SENT = Counter("chassis_outbox_sent_total", "Facts the relay put on their streams.")
OUTBOX_RESENT = Counter("chassis_outbox_resent_total", "Facts sent once more because Redis had lost them.")
OUTBOX_ROWS = Gauge("chassis_outbox_unsent", "Facts announced and not yet sent.")
OUTBOX_AGE = Gauge("chassis_outbox_oldest_seconds", "Age of the oldest fact not yet sent.")
LEADER = Gauge("chassis_leader", "1 in the replica that relays and dispatches for its service, else 0.")

TASKS = Gauge("chassis_tasks", "Unfinished tasks of this service by state; set by the leader alone.", ["state"])
TASKS_ENDED = Counter("chassis_tasks_ended_total", "Runs of tasks by outcome.", ["kind", "outcome"])
TASK_SECONDS = Histogram("chassis_task_seconds", "Time one run of a task took.", ["kind"], buckets=_TASK_BUCKETS)
TASKS_FENCED = Counter("chassis_tasks_fenced_total", "Dispatches dropped at the claim: the task had moved on.")
TASKS_RECONCILED = Counter("chassis_tasks_reconciled_total", "Tasks queued again after their worker or Redis was lost.")
LEASES_LOST = Counter("chassis_leases_lost_total", "Tasks whose last word came too late and was not written.", ["kind"])
