/** Moves bytes between one WebSocket and one protocol connection, from the upgrade to close. MQTT 5.0 section 6 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ws"
import type { RawData, WebSocket } from "ws";
import { ReasonCode } from "../mqtt/wire/ReasonCode.ts";
import type { OpenConnection, Peer } from "./SocketSink.ts";
import { SocketSink } from "./SocketSink.ts";

/** Close codes of RFC 6455 section 7.4.1. */
const NORMAL_CLOSURE = 1000;
const UNSUPPORTED_DATA = 1003;

/** Serves an upgraded WebSocket until it is closed. Packets may span frames and share them. [MQTT-6.0.0-2] */
export const serveWebSocket = (socket: WebSocket, peer: Peer, open: OpenConnection): void => {
  const sink = new WebSocketSink(socket);
  const connection = open(sink, peer);
  sink.connection = connection;
  socket.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) {
      connection.receive(data as Buffer); // `binaryType` is left at its default, "nodebuffer"
      return;
    }
    sink.closeCode = UNSUPPORTED_DATA;
    connection.close("ProtocolError(text frame)", ReasonCode.ProtocolError); // [MQTT-6.0.0-1]
  });
  // What is against RFC 6455, or larger than the listener takes. `ws` has sent its close code already.
  socket.on("error", (error) => connection.close(`ProtocolError(${error.message})`));
  socket.on("close", () => {
    sink.cut();
    connection.ended("RemoteClose"); // without effect when it was closed from this side
  });
};

class WebSocketSink extends SocketSink {
  closeCode = NORMAL_CLOSURE;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
  }

  setReading(reading: boolean): void {
    if (reading) this.#socket.resume();
    else this.#socket.pause();
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.send(bytes, (error) => error ? reject(error) : resolve(bytes.length))
    );
  }

  protected finish(): void {
    this.#socket.close(this.closeCode);
  }

  protected destroy(): void {
    this.#socket.terminate();
  }
}
