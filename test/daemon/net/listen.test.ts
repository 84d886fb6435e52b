import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { type Connection, type Listener, type ListenOptions, listen } from "../../../src/daemon/net/listen.ts";
import { plainAddress, readProxyHeader } from "../../../src/daemon/net/proxy.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { certificatePair } from "../../fakes/certificate.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function listening(options: Partial<ListenOptions>): Promise<{ listener: Listener; next: Promise<Connection> }> {
  let arrive: (connection: Connection) => void = () => undefined;
  const next = new Promise<Connection>((resolve) => {
    arrive = resolve;
  });
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: null,
    onConnection: (one) => arrive(one),
    ...options,
  });
  open.push(listener);
  void next.then(({ socket }) => open.push({ close: () => socket.destroy() }));
  return { listener, next };
}

function dial(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1" });
  open.push({ close: () => socket.destroy() });
  return socket;
}

const proxied = (source: string, command = 0x21): Buffer =>
  Buffer.concat([
    Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
    Buffer.from([command, 0x11, 0, 12]),
    Buffer.from(source.split(".").map(Number)),
    Buffer.from([10, 0, 0, 1, 0x12, 0x34, 0x03, 0xe1]),
  ]);

describe("the listener", () => {
  it("hands over plain connections with the client's address", async () => {
    const { listener, next } = await listening({});
    dial(listener.port);
    expect(await next).toMatchObject({ ip: "127.0.0.1", secure: false });
  });

  it("speaks TLS from the first byte, 1.2 and up, and takes a renewed certificate at once", async () => {
    const first = await certificatePair("localhost");
    const second = await certificatePair("localhost");
    let current = tlsContext(first);
    const { listener, next } = await listening({ tls: () => current });
    const hello = connectTls({ port: listener.port, host: "127.0.0.1", ca: first.ca, servername: "localhost" });
    open.push({ close: () => hello.destroy() });
    await once(hello, "secureConnect");
    expect(hello.authorized).toBe(true);
    expect((await next).secure).toBe(true);
    current = tlsContext(second);
    const again = connectTls({ port: listener.port, host: "127.0.0.1", ca: second.ca, servername: "localhost" });
    open.push({ close: () => again.destroy() });
    await once(again, "secureConnect");
    expect(again.authorized).toBe(true);
    const old = connectTls({
      port: listener.port,
      host: "127.0.0.1",
      maxVersion: "TLSv1.1",
      rejectUnauthorized: false,
    });
    open.push({ close: () => old.destroy() });
    const [error] = await once(old, "error");
    expect(String(error)).toMatch(/protocol|version|alert/i);
  });

  it("drops who does not shake hands", async () => {
    const pair = await certificatePair("localhost");
    const { listener } = await listening({ tls: () => tlsContext(pair), handshakeMs: 50 });
    const silent = dial(listener.port);
    silent.resume();
    await once(silent, "close");
    const babbling = dial(listener.port);
    babbling.on("error", () => undefined);
    babbling.write("GET / HTTP/1.0\r\n\r\n");
    babbling.resume();
    await once(babbling, "close");
  });

  it("believes a trusted balancer, in any chunking, and gives the rest on", async () => {
    const { listener, next } = await listening({ proxies: ["127.0.0.1"] });
    const socket = dial(listener.port);
    const bytes = Buffer.concat([proxied("203.0.113.7"), Buffer.from("hello")]);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { ip, socket: server } = await next;
    expect(ip).toBe("203.0.113.7");
    let text = "";
    for await (const chunk of server) {
      text += chunk;
      if (text.length >= 5) break;
    }
    expect(text).toBe("hello");
  });

  it("wants TLS behind the PROXY header as well", async () => {
    const pair = await certificatePair("localhost");
    const { listener, next } = await listening({ proxies: ["127.0.0.1"], tls: () => tlsContext(pair) });
    const socket = dial(listener.port);
    await once(socket, "connect");
    socket.write(proxied("203.0.113.8"));
    const secure = connectTls({ socket, ca: pair.ca, servername: "localhost" });
    await once(secure, "secureConnect");
    expect(await next).toMatchObject({ ip: "203.0.113.8", secure: true });
  });

  it("takes no one else's word, and no other header", async () => {
    const { listener, next } = await listening({ proxies: ["192.0.2.1"] });
    dial(listener.port).write(proxied("203.0.113.7"));
    expect((await next).ip).toBe("127.0.0.1");
    const strict = await listening({ proxies: ["127.0.0.1"] });
    const liar = dial(strict.listener.port);
    liar.resume();
    liar.write("A1 NOOP\r\n");
    await once(liar, "close");
  });

  it("stops accepting, and leaves connections alone", async () => {
    const { listener, next } = await listening({});
    const socket = dial(listener.port);
    const { socket: server } = await next;
    await listener.close();
    server.write("still here");
    expect(String((await once(socket, "data"))[0])).toBe("still here");
    const late = dial(listener.port);
    await once(late, "error");
  });
});

describe("PROXY v2", () => {
  it("has local connections without an address, and IPv6", () => {
    expect(readProxyHeader(proxied("203.0.113.7", 0x20))).toEqual({ ip: null, length: 28 });
    const six = Buffer.concat([
      Buffer.from("0d0a0d0a000d0a515549540a2121", "hex"),
      Buffer.from([0, 36]),
      Buffer.from("20010db8000000000000000000000001", "hex"),
      Buffer.alloc(20),
    ]);
    expect(readProxyHeader(six)?.ip).toBe("2001:db8:0:0:0:0:0:1");
    expect(() => readProxyHeader(proxied("1.2.3.4", 0x11))).toThrow("version 2");
  });

  it("has one spelling for mapped addresses", () => {
    expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
  });
});
