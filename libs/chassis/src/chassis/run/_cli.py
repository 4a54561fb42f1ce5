"""The command line every service has: serve, migrate, models, dlq, work."""

import argparse
import asyncio
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from chassis.models import ModelStore, ModelUnavailable
from chassis.run._letters import add_letters_parser, answer_about_letters
from chassis.run._scratch import own_scratch
from chassis.run._service import Service
from chassis.run._settings import ServiceSettings
from chassis.run._tasks import add_tasks_parser, answer_about_tasks
from chassis.telemetry import configure_logging, configure_tracing

__all__ = ["run"]

S = TypeVar("S", bound=ServiceSettings)
Command = Callable[[S, Sequence[str]], int]


def run(
    settings_class: type[S], build: Callable[[S], Service], *, commands: Mapping[str, Command[S]] | None = None
) -> NoReturn:
    """Do what the command line asks, and exit.

    ``commands`` are a service's own: each gets the settings and the arguments after its name, and returns an exit
    code. Exit codes: 0 well, 1 a part was lost or a request failed, 2 asked or configured wrongly.
    """
    own = commands or {}
    arguments = sys.argv[1:]
    if arguments and arguments[0] in own:
        sys.exit(own[arguments[0]](_read(settings_class), arguments[1:]))
    options = _parser(own).parse_args(arguments)
    settings = _read(settings_class)
    service = build(settings)
    configure_logging(service.name, form=settings.log_format, level=settings.log_level)
    match options.command:
        case "serve":
            sys.exit(_serve(service))
        case "migrate":
            sys.exit(_migrate(service))
        case "models":
            sys.exit(_models(service, fetch=options.fetch, as_json=options.json))
        case "work":
            sys.exit(asyncio.run(answer_about_tasks(service, options)))
        case _:
            sys.exit(asyncio.run(answer_about_letters(service, options)))


def _parser(own: Mapping[str, object]) -> argparse.ArgumentParser:
    epilog = f"also: {', '.join(own)}" if own else None
    parser = argparse.ArgumentParser(description="Run one service, or look after it.", epilog=epilog)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="run until SIGTERM")
    commands.add_parser("migrate", help="create or update role, schema and tables")
    models = commands.add_parser("models", help="list the models this service may need")
    models.add_argument("--fetch", action="store_true", help="get and verify each of them now")
    models.add_argument("--json", action="store_true")
    add_letters_parser(commands)
    add_tasks_parser(commands)
    return parser


def _read(settings_class: type[S]) -> S:
    try:
        return settings_class()
    except ValidationError as error:
        prefix = str(settings_class.model_config.get("env_prefix", ""))
        lines = [f"  {prefix}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        sys.stderr.write("the environment does not configure this service:\n" + "\n".join(lines) + "\n")
        sys.exit(2)


def _serve(service: Service) -> int:
    # Only a serving process needs a web server.
    from chassis.run._serve import serve

    configure_tracing(service.name)
    _keep_what_is_loaded()
    with own_scratch(service.name, service.settings.scratch_dir):
        return asyncio.run(serve(service))


def _keep_what_is_loaded() -> None:
    """Take what a service is made of out of the garbage collector's sight: it lives as long as the process.

    A full collection looks at all of it otherwise and everything waits meanwhile: 110 to 150 ms in the gateway, every
    few seconds under load (200 requests a second), which was the p99 of every answer.
    """
    gc.collect()
    gc.freeze()


def _migrate(service: Service) -> int:
    from chassis.database import MigrationsNotFound, migrate

    settings = service.settings
    if settings.admin_database_url is None:
        sys.stderr.write("migrate needs ADMIN_DATABASE_URL with the service's prefix: a role that may create roles\n")
        return 2
    try:
        asyncio.run(migrate(service.name, str(settings.admin_database_url), str(settings.database_url)))
    except (OSError, MigrationsNotFound) as error:
        sys.stderr.write(f"{service.name} was not migrated: {error}\n")
        return 1
    return 0


def _models(service: Service, *, fetch: bool, as_json: bool) -> int:
    store = ModelStore(service.settings.models_dir, service.settings.cache_dir)
    found: list[dict[str, Any]] = []
    code = 0
    for model in service.models:
        line = {"name": model.name, "licence": model.licence, "sha256": model.sha256, "about": model.about}
        if fetch:
            try:
                line["path"] = str(store.ensure(model))
            except ModelUnavailable as error:
                line["problem"] = str(error)
                code = 1
        found.append(line)
    if as_json:
        _say(json.dumps(found, indent=2))
    for line in () if as_json else found:
        _say("\t".join(line.values()))
    return code


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
