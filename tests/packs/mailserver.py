"""mail-devel (SMTP by aiosmtpd, IMAP by pymap, one mailbox), with what its own command leaves out: STARTTLS in IMAP,
which pymap has, and IMAP in TLS from the beginning, by a relay in front of pymap. Options are mail-devel's, after the
port of the relay."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from mail_devel import __main__ as command, service, utils

original = service.imap_context


async def with_starttls(args: argparse.Namespace) -> argparse.Namespace:
    made = await original(args)
    made.tls = True
    return made


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(port: int, args: argparse.Namespace) -> None:
    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_connection("127.0.0.1", args.imap_port)
        await asyncio.gather(pipe(reader, out), pipe(inner, writer))

    tls = utils.generate_ssl_context(cert=args.cert, key=args.key)
    async with await asyncio.start_server(relayed, "127.0.0.1", port, ssl=tls):
        await command.run(args)


if __name__ == "__main__":
    service.imap_context = with_starttls
    asyncio.run(main(int(sys.argv[1]), service.Service.parse(sys.argv[2:])))
