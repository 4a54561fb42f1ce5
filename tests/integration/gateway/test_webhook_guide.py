"""What docs/webhooks.md tells people to do, done."""

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from gateway.adapters.signatures import new_key, signed_headers
from gateway.domain.notices import EventType
from gateway.domain.webhooks import SCHEDULE_S
from gateway.settings import Settings

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
SNIPPET = re.findall(r"```js\n(.*?)```", GUIDE, flags=re.DOTALL)[0]
NODE = shutil.which("node")
AROUND = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const $input = { first: () => ({ json: { headers: given.headers } }) };
const node = { helpers: { getBinaryDataBuffer: async () => Buffer.from(given.body, 'base64') } };
(async function () { %s }).call(node).then((out) => console.log(JSON.stringify(out)), (error) => {
  console.error(error.message); process.exit(3);
});
"""


def n8n(secret: str, headers: dict[str, str], body: str) -> subprocess.CompletedProcess[str]:
    """The Code node of the guide, with what n8n gives it."""
    assert NODE is not None
    program = AROUND % SNIPPET.replace("whsec_…", secret)
    given = json.dumps({"headers": headers, "body": base64.b64encode(body.encode()).decode()})
    return subprocess.run([NODE, "-e", program], input=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(NODE is None, reason="node is not installed: what n8n would run cannot be run")
def test_the_code_for_n8n_lets_genuine_messages_through_and_no_others() -> None:
    key, other, now = new_key(), new_key(), datetime.now(UTC)
    body = json.dumps({"type": "job.finished", "data": {"passthrough": "Größe"}}, ensure_ascii=False)
    headers = signed_headers("msg_1", body, [other, key], now=now)
    old = signed_headers("msg_1", body, [key], now=now - timedelta(minutes=6))

    genuine = n8n(key.secret, headers, body)

    assert json.loads(genuine.stdout) == [{"json": json.loads(body)}], genuine.stderr
    assert n8n(new_key().secret, headers, body).returncode == 3
    assert n8n(key.secret, headers, body + " ").returncode == 3
    assert n8n(key.secret, {**headers, "webhook-id": "msg_2"}, body).returncode == 3
    assert n8n(key.secret, old, body).stderr.strip() == "not from Matchcut"


def test_the_guide_names_every_event_and_no_other() -> None:
    table = GUIDE.split("| event | when |")[1].split("\n\n")[0]

    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", table)) == {event.value for event in EventType}


def test_the_guide_names_the_waits_as_they_are() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    said = GUIDE.split("at once, then after ")[1].split(", each")[0]

    found = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", said)]
    assert found == list(SCHEDULE_S)


def test_the_guide_names_settings_that_exist() -> None:
    named = {name.lower() for name in re.findall(r"`GATEWAY_([A-Z_]+)`", GUIDE)}

    assert named <= set(Settings.model_fields)
    assert {name for name in Settings.model_fields if name.startswith(("webhook_", "outbound_"))} <= named
    assert get_args(Settings.model_fields["outbound_networks"].annotation)
