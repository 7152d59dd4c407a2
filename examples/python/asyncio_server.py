"""A small asyncio service: coroutines instead of threads, streams from socket to socket, and the plain vault beside it."""

import asyncio
from collections.abc import AsyncIterator

import libvault

made = libvault.init("vault")


async def pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(65536):
        yield piece


async def main() -> None:
    async with libvault.AsyncVault.open(made.config) as vault:
        context = vault.context({"organization_id": "org_123"})

        envelopes = await asyncio.gather(*(vault.encrypt(b"message %d" % number, context) for number in range(100)))
        print((await vault.decrypt(envelopes[17], context)).decode())

        async def seal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Backpressure: the next piece is read when this one has been sent.
            async for piece in vault.encrypt_stream(pieces(reader), context):
                writer.write(piece)
                await writer.drain()
            writer.close()

        async with await asyncio.start_server(seal, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"attack at dawn " * 100_000)
            writer.write_eof()
            async with vault.open_encrypt("upload.lve", {"organization_id": "org_456"}) as upload:
                async for piece in vault.decrypt_stream(pieces(reader), context):
                    await upload.write(piece)
            writer.close()

        async with vault.open_decrypt("upload.lve", {"organization_id": "org_456"}) as file:
            print((await file.read_at(15 * 99_999, 14)).decode())


asyncio.run(main())
