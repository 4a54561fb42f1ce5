"""A stranger's script, whatever program wrote it: stored through the API, aligned, and every export fetched."""

from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from align.main import build
from align.settings import Settings
from chassis.testing import Harness, harness
from contracts.align import AlignmentReady
from contracts.gateway import JobRequested, ScriptSubmitted
from matchcut.exports import EXPORTS
from support.align_service import a_transcript, words_of
from support.gateway_rig import Gateway, a_gateway, json_of
from support.script_files import a_word_document, final_draft, word_paragraph

LINES = (
    "The harbour was quiet before the storm came in.",
    "Nobody had seen the lighthouse keeper since Tuesday morning.",
    "His boat was still tied to the long wooden pier.",
)
TOLD = ("spoken", "omitted", "spoken")
COLUMNS = {"text": "Satz", "speaker": "2"}
SCRIPTS: dict[str, bytes] = {
    "a.txt": "\n".join(f"ANNA: {line}" for line in LINES).encode("utf-16"),
    "a.md": "\n\n".join(["# The play", *(f"**ANNA:** *{line}*" for line in LINES)]).encode(),
    "a.fountain": "\n\n".join(["INT. PIER - DAY", *(f"ANNA\n{line}" for line in LINES)]).encode(),
    "a.fdx": final_draft([one for line in LINES for one in (("Character", "ANNA (V.O.)"), ("Dialogue", line))]),
    "a.docx": a_word_document("".join(word_paragraph("ANNA", "P7") + word_paragraph(line, "P8") for line in LINES)),
    "a.srt": "\n".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nANNA: {line}\n" for n, line in enumerate(LINES, 1)
    ).encode(),
    "a.vtt": "\n".join(
        ["WEBVTT\n", *(f"00:0{n}.000 --> 00:0{n}.900\n<v ANNA>{line}\n" for n, line in enumerate(LINES, 1))]
    ).encode(),
    "a.csv": "\r\n".join(["Nr;Wer;Satz", *(f"{n};ANNA;{line}" for n, line in enumerate(LINES, 1))]).encode(),
}


async def test_a_script_of_every_format_makes_the_same_ledger_and_all_of_its_exports_can_be_fetched(
    postgres_url: str, tmp_path: Path
) -> None:
    aligning = harness("align", build, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path)
    async with a_gateway(postgres_url) as gateway, aligning as align:
        client = await gateway.owner()
        video = await gateway.ingested(client)
        jobs = {name: await asked_for(gateway, align, client, video["id"], name, raw) for name, raw in SCRIPTS.items()}

        await align.work_off()

        made = {fact.script_id: fact for fact in align.facts(AlignmentReady)}
        for name, job in jobs.items():
            ready = made[UUID(job["script_id"])]
            for key in (ready.key, *ready.exports.values()):
                await gateway.harness.blobs.put_bytes(key, await align.blobs.get_bytes(key))
            await gateway.hear(client, ready, subject=video["id"], job=job)
            ledger = json_of(await client.get(f"/v1/alignments/{job['id']}"), 200)
            lines = [(one["speaker"], one["text"], one["status"]) for one in ledger["lines"] if one["number"]]
            assert lines == [("ANNA", line, told) for line, told in zip(LINES, TOLD, strict=True)], name
            for kind, file in EXPORTS.items():
                export = await client.get(f"/v1/alignments/{job['id']}/export", params={"format": kind})
                result = await client.get(f"/v1/jobs/{job['id']}/results/{file}")
                assert (export.status_code, result.content) == (200, export.content), (name, kind)
                assert "harbour" in export.text, (name, kind)
                assert "octet" not in export.headers["content-type"], kind


async def asked_for(
    gateway: Gateway, align: Harness, client: httpx.AsyncClient, video_id: str, name: str, raw: bytes
) -> dict[str, Any]:
    """A job about a script that was just handed in; align hears of both, and of what was heard in the film."""
    columns = COLUMNS if name == "a.csv" else {}
    body = {"filename": name, "content": b64encode(raw).decode(), "columns": columns}
    script = json_of(await client.post("/v1/scripts", json=body), 201)
    job = await gateway.job(client, video_id, ["transcript", "alignment"], script_id=script["id"])
    submitted, requested = gateway.harness.facts(ScriptSubmitted)[-1], gateway.harness.facts(JobRequested)[-1]
    await align.blobs.put_bytes(submitted.key, await gateway.harness.blobs.get_bytes(submitted.key))
    heard = await a_transcript(align, UUID(video_id), words_of(LINES[0], LINES[2]))
    await align.hear(submitted, subject=script["id"])
    await align.hear(requested, subject=video_id, job_id=UUID(job["id"]))
    await align.hear(heard, subject=video_id, job_id=UUID(job["id"]))
    return job
