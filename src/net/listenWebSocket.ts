/**
 * MQTT over WebSocket: an HTTP server that upgrades requests for its path and subprotocol, and refuses
 * all others. MQTT 5.0 section 6, RFC 6455
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { IncomingMessage, Server } from "node:http";
import { createServer, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Descriptors } from "./Descriptors.ts";
import type { Handshakes } from "./Handshakes.ts";
import { makeHandshakes } from "./Handshakes.ts";
import { listenTcp } from "./listenTcp.ts";
import type { OpenConnection, Peer, Refused } from "./SocketSink.ts";
import type { ClientStream } from "./TcpStream.ts";
import { TcpStream } from "./TcpStream.ts";
import { serveWebSocket } from "./serveWebSocket.ts";

type WebSocketSettings = Extract<ListenerSettings, { readonly transport: "ws" }>;

/** What of the settings concerns HTTP. */
type HttpSettings = Pick<WebSocketSettings, "path" | "allowedOrigins">;

/** Listens; answers the bound address. */
export const listenWebSocket = (
  settings: WebSocketSettings,
  descriptors: Descriptors,
  open: OpenConnection,
  refused: Refused,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const handshakes = yield* makeHandshakes(settings.limits.handshakeTimeout);
    descriptors.count(() => handshakes.size);
    const server = makeServer(settings, handshakes, open, refused);
    return yield* listenTcp(settings, descriptors, (socket, newcomer) => {
      const stream = new TcpStream(socket, newcomer);
      handshakes.begin(stream);
      server.emit("connection", stream);
    });
  });

/** A server that does not listen: each `ClientStream` that it is told of by "connection" speaks HTTP, and then MQTT. */
export const makeServer = (
  settings: HttpSettings,
  handshakes: Handshakes,
  open: OpenConnection,
  refused: Refused,
): Server => {
  const server = createServer((request, response) => {
    const status = pathOf(request) === settings.path ? 426 : 404;
    const { tcp: { peer } } = request.socket as Duplex as ClientStream; // the server has no others
    refused(peer, `speaks HTTP to a WebSocket listener: answered ${status}`);
    response.writeHead(status, { connection: "close", ...(status === 426 ? upgradeHeaders : {}) });
    response.end(STATUS_CODES[status]);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const stream = socket as ClientStream; // the server has no others
    const status = refusalOf(request, settings);
    if (status !== undefined) {
      refused(
        stream.tcp.peer,
        `WebSocket refused with ${status}: ${refusalText(status, settings)}`,
      );
      return refuse(stream, status);
    }
    // Gone while its request was read, or read no more: nobody to serve.
    if (!stream.readable || !stream.writable) return void stream.destroy();
    stream.write(acceptanceOf(request));
    handshakes.end(stream.tcp);
    serveWebSocket(stream, head, open);
  });
  // The server's own answer would be lost over TLS, where it destroys the socket as soon as it has written.
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Duplex) => {
    const stream = socket as ClientStream;
    if (stream.writable) refuse(stream, REFUSALS[error.code ?? ""] ?? 400);
    else stream.destroy();
  });
  return server;
};

/** Codes of what node:http can't read that have a status of their own. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

type Refusal = 400 | 403 | 404 | 405 | 408 | 426 | 431;

const refusalText = (status: Refusal, { path }: HttpSettings): string => {
  switch (status) {
    case 400:
      return "no WebSocket handshake for the subprotocol mqtt";
    case 403:
      return "its page is not among allowed_origins";
    case 404:
      return `another path than ${path}`;
    case 405:
      return "another method than GET";
    case 408:
      return "its request came too slowly";
    case 431:
      return "its request is too large";
    case 426:
      return "another version than 13";
  }
};

/** Why a request is not upgraded. RFC 6455 section 4.2.1 */
const refusalOf = (
  request: IncomingMessage,
  { path, allowedOrigins }: HttpSettings,
): Refusal | undefined => {
  const { method, headers } = request;
  if (pathOf(request) !== path) return 404;
  if (method !== "GET") return 405;
  if (headers.upgrade?.toLowerCase() !== "websocket") return 400;
  // Version 8, a draft's, says the page's origin by another name.
  if (headers["sec-websocket-version"] !== "13") return 426;
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "")) return 400;
  if (!isAllowed(headers.origin, allowedOrigins)) return 403;
  return subprotocolOf(request) === undefined ? 400 : undefined; // [MQTT-6.0.0-3]
};

/**
 * A browser names the page whose script connects, truly. Other clients name none, or what they like: to
 * refuse those that name none would keep nobody out. RFC 6455 section 10.2
 */
const isAllowed = (origin: string | undefined, allowed: ReadonlyArray<string>): boolean =>
  allowed.length === 0 || origin === undefined || allowed.includes(origin);

/** RFC 6455 section 4.2.2 */
const acceptanceOf = (request: IncomingMessage): string =>
  [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${
      createHash("sha1").update(request.headers["sec-websocket-key"] + ACCEPT_SUFFIX).digest(
        "base64",
      )
    }`,
    `Sec-WebSocket-Protocol: ${subprotocolOf(request)}`,
    "\r\n",
  ].join("\r\n");

/** RFC 6455 section 1.3 */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const upgradeHeaders = { upgrade: "websocket", "sec-websocket-version": "13" };

/** The path of a request's target, which may be a whole URL: that is how proxies are asked. RFC 9112 section 3.2.2 */
const pathOf = ({ url = "" }: IncomingMessage): string => {
  const [, path = ""] = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/i.exec(url) ?? [];
  return path === "" ? "/" : path;
};

/** The one to speak of those that a client offers; `mqttv3.1` is what old 3.1 clients say. [MQTT-6.0.0-4] */
const subprotocolOf = ({ headers }: IncomingMessage): string | undefined => {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim()) ?? [];
  return ["mqtt", "mqttv3.1"].find((name) => offered.includes(name));
};

const refuse = (stream: ClientStream, status: Refusal): void => {
  stream.on("error", () => stream.destroy()); // the client did not wait for the answer
  stream.once("finish", () => stream.destroy());
  const version = status === 426 ? `upgrade: websocket\r\nsec-websocket-version: 13\r\n` : "";
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${version}` +
      "connection: close\r\ncontent-length: 0\r\n\r\n",
  );
};
