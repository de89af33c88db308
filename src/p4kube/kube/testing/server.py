"""A `FakeApi` behind real HTTP on the loopback interface, to test the transport itself."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

from p4kube.kube.testing.api import Broken, Failure, FakeApi


@contextlib.asynccontextmanager
async def serve(api: FakeApi, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves `api` on a free port of 127.0.0.1; yields its URL."""
    app = web.Application(client_max_size=2**24)

    async def answer(request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        try:
            if query.get("watch") == "true":
                return await _watch(api, request, query)
            body = api.handle(request.method, request.path, query, await request.read())
        except Failure as failure:
            headers = {"Retry-After": failure.retry_after} if failure.retry_after else {}
            return web.json_response(failure.body, status=failure.code, headers=headers)
        except Broken:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(body=body, content_type="application/json")

    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        for plural in {stream.plural for stream in api._streams}:
            for stream in api.streams(plural):
                stream.end()
        await runner.cleanup()


async def _watch(api: FakeApi, request: web.Request, query: dict[str, str]) -> web.StreamResponse:
    stream = api.watch(request.path, query)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        await response.prepare(request)
        while (chunk := await stream.chunks.get()) is not None:
            if isinstance(chunk, Broken):
                assert request.transport is not None
                request.transport.abort()
                break
            await response.write(chunk)
    finally:
        api.close(stream)
    return response
