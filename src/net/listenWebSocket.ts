/**
 * MQTT over WebSocket: an HTTP server that upgrades requests for its path and subprotocol, and refuses
 * all others. MQTT 5.0 section 6, RFC 6455
 */
import "../mqtt/wire/processEnv.ts"; // `ws` looks at the environment as mqtt-packet does
import type { Buffer } from "node:buffer";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { IncomingMessage, Server } from "node:http";
import { createServer, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import type { ServerOptions } from "ws";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { ListenerSettings } from "../domain/BrokerSettings.ts";
import type { Handshakes } from "./Handshakes.ts";
import { makeHandshakes } from "./Handshakes.ts";
import { listenTcp } from "./listenTcp.ts";
import type { OpenConnection, Peer } from "./SocketSink.ts";
import { MOST_CLOSING_MS } from "./SocketSink.ts";
import { TcpStream } from "./TcpStream.ts";
import { serveWebSocket } from "./serveWebSocket.ts";

type WebSocketSettings = Extract<ListenerSettings, { readonly transport: "ws" }>;

/**
 * Bytes that a frame may be larger than a packet: clients put several packets in one frame (MQTT.js
 * gathers 512 KB in a browser).
 */
const FRAME_HEADROOM = 1024 * 1024;

/** Listens; answers the bound address. */
export const listenWebSocket = (
  settings: WebSocketSettings,
  open: OpenConnection,
): Effect.Effect<Peer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const handshakes = yield* makeHandshakes(settings.limits.handshakeTimeout);
    const server = makeServer(settings, handshakes, open);
    return yield* listenTcp(settings, (socket) => {
      const stream = new TcpStream(socket);
      handshakes.begin(stream);
      server.emit("connection", stream); // a server that does not listen: it only speaks HTTP
    });
  });

const makeServer = (
  { path, limits }: WebSocketSettings,
  handshakes: Handshakes,
  open: OpenConnection,
): Server => {
  const options: ServerOptions & { readonly closeTimeout: number } = { // not in the types of ws yet
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false, // costs 300 KB a client and more CPU than small packets save
    maxPayload: limits.maxPacketSize + FRAME_HEADROOM,
    handleProtocols: (offered) => subprotocolOf(offered) ?? false,
    closeTimeout: MOST_CLOSING_MS,
  };
  const upgrader = new WebSocketServer(options);
  const server = createServer((request, response) => {
    const status = pathOf(request) === path ? 426 : 404;
    response.writeHead(status, { connection: "close", ...(status === 426 ? upgradeHeader : {}) });
    response.end(STATUS_CODES[status]);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (pathOf(request) !== path) return refuse(socket, 404);
    const offered = request.headers["sec-websocket-protocol"]?.split(",") ?? [];
    if (subprotocolOf(new Set(offered.map((name) => name.trim()))) === undefined) {
      return refuse(socket, 400); // [MQTT-6.0.0-3]
    }
    upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = socket as TcpStream; // the server has no others
      handshakes.end(stream);
      serveWebSocket(webSocket, stream.peer, open);
    });
  });
  return server;
};

const upgradeHeader = { upgrade: "websocket" };

const pathOf = ({ url = "" }: IncomingMessage): string => url.split("?", 1)[0] as string; // split gives one at least

/** The one to speak of those that a client offers; `mqttv3.1` is what old 3.1 clients say. [MQTT-6.0.0-4] */
const subprotocolOf = (offered: ReadonlySet<string>): string | undefined =>
  ["mqtt", "mqttv3.1"].find((name) => offered.has(name));

const refuse = (socket: Duplex, status: 400 | 404): void => {
  socket.on("error", () => socket.destroy()); // the client did not wait for the answer
  socket.once("finish", () => socket.destroy());
  const reason = STATUS_CODES[status];
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
};
