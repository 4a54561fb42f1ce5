"""Counters every service serves on /metrics; the namespace is ``chassis``."""

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BLOBS_FREE",
    "DELAYED_OVERDUE",
    "FACTS_DEAD",
    "FACTS_DELAYED",
    "FACTS_FENCED",
    "FACTS_HANDLED",
    "FACTS_REAPED",
    "FACTS_REPEATED",
    "FACTS_RETRIED",
    "FACTS_RETURNED",
    "FACTS_SENT",
    "FACT_SECONDS",
    "GROUP_LAG",
    "GROUP_OLDEST",
    "GROUP_PENDING",
    "LEADER",
    "LEASES_LOST",
    "LETTERS_DEAD",
    "OUTBOX_AGE",
    "OUTBOX_RESENT",
    "OUTBOX_ROWS",
    "POSTGRES_UP",
    "REDIS_MEMORY",
    "REDIS_MEMORY_LIMIT",
    "REDIS_UP",
    "TASKS",
    "TASKS_BY_TENANT",
    "TASKS_ENDED",
    "TASKS_FENCED",
    "TASKS_OLDEST",
    "TASKS_RECONCILED",
    "TASK_CLAIM_SECONDS",
    "TASK_QUEUE_SECONDS",
    "TASK_SECONDS",
]

_FACT_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_CLAIM_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_WAIT_BUCKETS = (0.05, 0.25, 1, 5, 30, 120, 600, 1800, 3600, 14_400, 86_400)
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
GROUP_OLDEST = Gauge(
    "chassis_group_oldest_pending_seconds", "Time since the oldest entry in hand was put on its stream.", ["stream"]
)
FACTS_RETURNED = Counter(
    "chassis_facts_handed_back_total",
    "Facts given back unhandled, without a try lost: a stop, a lost reply.",
    ["stream"],
)
FACTS_DELAYED = Gauge("chassis_facts_delayed", "Facts of this service that wait for their next try.", ["stream"])
DELAYED_OVERDUE = Gauge(
    "chassis_facts_delayed_overdue_seconds",
    "How long the first waiting fact is past its time; more than a few seconds means nobody puts them back.",
    ["stream"],
)
LETTERS_DEAD = Gauge("chassis_dead_letters", "Entries on the dead-letter stream that wait for a person.", ["stream"])

FACTS_SENT = Counter("chassis_outbox_sent_total", "Facts the relay put on their streams.")
OUTBOX_RESENT = Counter("chassis_outbox_resent_total", "Facts sent once more because Redis had lost them.")
OUTBOX_ROWS = Gauge("chassis_outbox_unsent", "Facts announced and not yet sent.")
OUTBOX_AGE = Gauge("chassis_outbox_oldest_seconds", "Age of the oldest fact not yet sent.")
LEADER = Gauge("chassis_leader", "1 in the replica that relays and dispatches for its service, else 0.")

TASKS = Gauge("chassis_tasks", "Unfinished tasks of this service by state; set by the leader alone.", ["state"])
TASKS_OLDEST = Gauge(
    "chassis_tasks_oldest_queued_seconds",
    "How long the task that has waited longest for its turn has done so; set by the leader alone.",
)
TASKS_BY_TENANT = Gauge(
    "chassis_tasks_in_flight",
    "Dispatched and running tasks of the 20 tenants that have most, and of all others together; the leader alone.",
    ["tenant"],
)
TASK_QUEUE_SECONDS = Histogram(
    "chassis_task_queue_seconds",
    "Time from being queued to the start of the first try.",
    ["kind"],
    buckets=_WAIT_BUCKETS,
)
TASK_CLAIM_SECONDS = Histogram(
    "chassis_task_claim_seconds",
    "Time from being dispatched to the claim of a worker.",
    ["kind"],
    buckets=_CLAIM_BUCKETS,
)
TASKS_ENDED = Counter("chassis_tasks_ended_total", "Runs of tasks by outcome.", ["kind", "outcome"])
TASK_SECONDS = Histogram("chassis_task_seconds", "Time one run of a task took.", ["kind"], buckets=_TASK_BUCKETS)
TASKS_FENCED = Counter("chassis_tasks_fenced_total", "Dispatches dropped at the claim: the task had moved on.")
TASKS_RECONCILED = Counter("chassis_tasks_reconciled_total", "Tasks queued again after their worker or Redis was lost.")
LEASES_LOST = Counter("chassis_leases_lost_total", "Tasks whose last word came too late and was not written.", ["kind"])

POSTGRES_UP = Gauge("chassis_postgresql_up", "1 while PostgreSQL answers this replica, else 0.")
REDIS_UP = Gauge("chassis_redis_up", "1 while Redis answers this replica, else 0.")
REDIS_MEMORY = Gauge("chassis_redis_memory_bytes", "Memory that Redis uses, as it says.")
REDIS_MEMORY_LIMIT = Gauge("chassis_redis_memory_limit_bytes", "The maxmemory of Redis; 0 without one.")
BLOBS_FREE = Gauge("chassis_blobs_free_bytes", "Room left for blobs, on the file system this replica writes them to.")
