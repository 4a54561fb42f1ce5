"""What is served of blobs: whole, in parts, or not again."""

from uuid import UUID

import httpx

from contracts.upscale import VideoUpscaled
from contracts.vision import ScenesDetected
from support.gateway_rig import Gateway, an_ingested, json_of

MOVIE = bytes(range(256)) * 10


async def upscaled(gateway: Gateway, client: httpx.AsyncClient) -> str:
    """A job with a rendition and scenes; returns its path."""
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], ["scenes", "upscale"])
    folder = f"derived/t/{job['id']}"
    rendition = VideoUpscaled(
        video_id=UUID(video["id"]),
        run=1,
        rendition_key=f"{folder}/upscale-1/rendition.mp4",
        qc_key=f"{folder}/upscale-1/qc.json",
        width=2560,
        height=1440,
        frames=10,
        passed=True,
        engine="openvino",
        model_sha256="ab" * 32,
        seconds=9.0,
    )
    scenes = ScenesDetected(
        video_id=UUID(video["id"]),
        run=1,
        key=f"{folder}/scenes-1/scenes.json",
        scenes=2,
        engine="transnet",
        seconds=1.0,
    )
    blobs = gateway.harness.blobs
    await blobs.put_bytes(rendition.rendition_key, MOVIE)
    await blobs.put_bytes(rendition.qc_key, b'{"passed": true}')
    await blobs.put_bytes(scenes.key, b'{"scenes": []}')
    for number in (1, 2):
        await blobs.put_bytes(f"{folder}/scenes-1/keyframes/{number:04}.jpg", b"\xff\xd8")
    for fact in (rendition, scenes):
        await gateway.hear(client, fact, subject=video["id"], job=job)
    return f"/v1/jobs/{job['id']}"


async def test_results_are_listed_by_name_with_where_to_get_them(gateway: Gateway) -> None:
    client = await gateway.owner()
    job = await upscaled(gateway, client)

    items = json_of(await client.get(f"{job}/results"), 200)["items"]

    assert [item["name"] for item in items] == [
        "keyframes/0001.jpg",
        "keyframes/0002.jpg",
        "media.json",
        "qc.json",
        "rendition.mp4",
        "scenes.json",
    ]
    for item in items:
        answer = await client.get(item["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == item["content_type"]
        assert int(answer.headers["content-length"]) == len(answer.content) == item["size_bytes"]


async def test_documents_have_paths_of_their_own_and_are_served_as_stored(gateway: Gateway) -> None:
    client = await gateway.owner()
    job_id = (await upscaled(gateway, client)).rpartition("/")[2]

    assert (await client.get(f"/v1/jobs/{job_id}/results/scenes.json")).content == b'{"scenes": []}'
    assert json_of(await client.get(f"/v1/scenes/{job_id}"), 200)["scenes"] == []
    assert json_of(await client.get(f"/v1/renditions/{job_id}"), 200)["passed"] is True
    assert (await client.get(f"/v1/renditions/{job_id}/content")).content == MOVIE
    for missing in ("transcripts", "alignments", "watermarks"):
        assert json_of(await client.get(f"/v1/{missing}/{job_id}"), 404)["type"] == "/problems/not-ready"


async def test_a_range_of_bytes_is_served(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = f"{await upscaled(gateway, client)}/results/rendition.mp4"

    part = await client.get(url, headers={"Range": "bytes=256-511"})
    tail = await client.get(url, headers={"Range": "bytes=-10"})
    behind = await client.get(url, headers={"Range": "bytes=99999-"})
    several = await client.get(url, headers={"Range": "bytes=0-1,5-6"})

    assert (part.status_code, part.content) == (206, MOVIE[256:512])
    assert part.headers["content-range"] == f"bytes 256-511/{len(MOVIE)}"
    assert (tail.status_code, tail.content) == (206, MOVIE[-10:])
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(MOVIE)}")
    assert json_of(behind, 416)["type"] == "/problems/range-not-satisfiable"
    assert (several.status_code, several.content) == (200, MOVIE)
    assert several.headers["accept-ranges"] == "bytes"


async def test_what_a_client_has_is_not_sent_again(gateway: Gateway) -> None:
    client = await gateway.owner()
    job = await upscaled(gateway, client)

    for url in (f"{job}/results/rendition.mp4", job, f"{job}/results"):
        etag = (await client.get(url)).headers["etag"]
        same = await client.get(url, headers={"If-None-Match": f'"other", {etag}'})
        other = await client.get(url, headers={"If-None-Match": '"other"'})

        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        assert other.status_code == 200


async def test_a_range_of_another_version_is_not_served(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = f"{await upscaled(gateway, client)}/results/rendition.mp4"
    etag = (await client.get(url)).headers["etag"]

    same = await client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = await client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})

    assert (same.status_code, other.status_code) == (206, 200)


async def test_names_lead_nowhere_else(gateway: Gateway) -> None:
    client = await gateway.owner()
    job = await upscaled(gateway, client)
    names = [
        "keyframes/",
        "keyframes/%2e%2e/scenes.json",
        "keyframes//etc/passwd",
        "keyframes/..%2f..%2fqc.json",
        "%2e%2e/x",
        "keyframes/%00",
        "keyframes/" + "x" * 2000,
        "\N{SNOWMAN}",
        "keyframes",
    ]

    for name in names:
        assert (await client.get(f"{job}/results/{name}")).status_code == 404, name


async def test_the_files_of_a_video_have_types_that_do_no_harm(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": 'a "b" 🎬.html'}), 201)
    await client.put(upload["content_url"], content=b"<script>alert(1)</script>")
    named = json_of(await client.post("/v1/videos", json={"upload_id": upload["id"]}), 201)
    fact = an_ingested(named["id"])
    await gateway.hear(client, fact, subject=named["id"])
    await gateway.harness.blobs.put_bytes(fact.original_key, b"<script>alert(1)</script>")

    original = await client.get(f"/v1/videos/{named['id']}/original")

    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"] == (
        "attachment; filename=\"a _b_ _.html\"; filename*=UTF-8''a%20%22b%22%20%F0%9F%8E%AC.html"
    )
    assert original.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in original.headers["content-security-policy"]


async def test_a_ready_video_has_its_files(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    path = f"/v1/videos/{video['id']}"

    types = {
        name: (await client.get(f"{path}/{name}")).headers["content-type"]
        for name in ("media", "poster", "proxy", "original")
    }

    assert types == {
        "media": "application/json",
        "poster": "image/jpeg",
        "proxy": "video/mp4",
        "original": "video/mp4",
    }
    assert json_of(await client.get(f"{path}/media"), 200) == {"it is": "media.json"}


async def test_a_video_that_is_not_ready_has_none(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)

    for name in ("media", "poster", "proxy", "original"):
        assert json_of(await client.get(f"/v1/videos/{video['id']}/{name}"), 404)["type"] == "/problems/not-ready"
