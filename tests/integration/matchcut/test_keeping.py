"""Retention, exports, receipts and the audit at the command line, against a real gateway."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from typer.testing import CliRunner, Result

from gateway.domain.access import Role
from matchcut.client import BadReceipt, verify_receipt
from matchcut.main import app
from support.erasing_rig import OTHERS, answer
from support.gateway_rig import PASSWORD, json_of
from support.gateway_served import served

pytestmark = pytest.mark.servers
OWNER = "owner@example.org"


async def run(*words: str, code: int = 0) -> Result:
    """What the command says, which must end with this exit code."""
    result = await asyncio.to_thread(CliRunner().invoke, app, list(words))
    assert result.exit_code == code, result.output
    return result


async def told(*words: str, code: int = 0) -> Any:
    return json.loads((await run(*words, "--json", code=code)).stdout)


async def test_what_a_tenant_keeps_takes_away_and_leaves_behind(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(postgres_url) as (gateway, url):
        tenant_id = await gateway.tenant("studio")
        await gateway.user(tenant_id, Role.OWNER, OWNER)
        leaves = await gateway.user(tenant_id, Role.EDITOR)
        for name, value in (("URL", url), ("USER", OWNER), ("PASSWORD", PASSWORD), ("HOME", str(tmp_path))):
            monkeypatch.setenv(f"MATCHCUT_{name}", value)

        rules = await told("retention", "set", "videos=90", "audit=never", "webhook-deliveries=14", "--yes")
        preview = await told("retention", "preview", "scripts=1")
        nonsense = await run("retention", "set", "films=3", code=2)
        assert (rules["videos"], rules["audit"], rules["webhook_deliveries"]) == (90, None, 14)
        assert await told("retention", "show") == {**preview["rules"], "scripts": None} == rules
        assert "'films=3' is no rule" in nonsense.output

        [made] = await told("export", "make")
        await gateway.harness.work_off()
        [ready] = await told("export", "get", made["id"], str(tmp_path / "all.zip"))
        assert [one["id"] for one in await told("export", "list")] == [made["id"]]
        assert ready["state"] == "ready"
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            assert json.loads(archive.read("retentions.json"))

        whole = await told("audit", "--integrity")
        assert whole["state"] == "whole"
        await run("erase", "user", str(leaves.user_id), "--yes")
        begun = await told("erase", "tenant", "studio", "--yes")
        keys, receipt = tmp_path / "keys.json", tmp_path / "receipt.jwt"
        await answer(gateway, begun["erasure"]["id"], str(tenant_id), *OTHERS)
        await gateway.harness.work_off()
        client = gateway.anonymous()
        header = {"Receipt-Token": begun["receipt_token"]}
        receipt.write_text((await client.get("/v1/receipts", headers=header)).text)
        keys.write_text(json.dumps(json_of(await client.get("/.well-known/receipt-keys.json"), 200)))
        await client.aclose()

    said = await told("receipt", "verify", str(receipt), "--keys", str(keys))
    await run("receipt", "verify", str(receipt), "--keys", str(keys), "--issuer", "somebody else", code=1)
    await run("receipt", "verify", str(tmp_path / "none"), "--keys", str(keys), code=2)
    assert said["erased"] == {"kind": "tenant", "id": str(tenant_id)}
    assert set(said["services"]) == {*OTHERS, "gateway"}
    assert_only_what_was_signed_holds(receipt.read_text(), json.loads(keys.read_text()))


def assert_only_what_was_signed_holds(receipt: str, keys: dict[str, Any]) -> None:
    head, said, signature = receipt.split(".")
    claims = jwt.decode(receipt, options={"verify_signature": False})
    changed = jwt.utils.base64url_encode(json.dumps({**claims, "tenant": str(uuid4())}).encode()).decode()
    kid = jwt.get_unverified_header(receipt)["kid"]
    stranger = generate_private_key(SECP256R1())

    def forged(**header: str) -> str:
        return jwt.encode(claims, stranger, algorithm="ES256", headers=header)

    for wrong in (
        f"{head}.{changed}.{signature}",
        f"{head}.{said}",
        forged(kid=kid, typ="erasure-receipt+jwt"),
        forged(kid="another", typ="erasure-receipt+jwt"),
        forged(kid=kid, typ="at+jwt"),
        jwt.encode(claims, "", algorithm="none", headers={"kid": kid, "typ": "erasure-receipt+jwt"}),
    ):
        with pytest.raises(BadReceipt):
            verify_receipt(wrong, keys)
