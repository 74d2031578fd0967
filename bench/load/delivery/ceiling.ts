/**
 * The ceiling: the same POSTs without a broker. Keep-alive connections, each of which writes one
 * ready-made request, reads the answer, and writes it again.
 */
import { untimedPayload } from "./timedPayload.ts";

const CONNECTIONS = 128;

/** What Hookline sends for one message of the bench, byte for byte but for the numbers in it. */
const requestTo = (url: string): Uint8Array => {
  const { host, pathname } = new URL(url);
  const body = JSON.stringify({
    action: "message_publish",
    from_node: 1,
    from_ipaddress: "127.0.0.1:51234",
    from_clientid: "publisher-0-31",
    from_username: "undefined",
    dup: false,
    retain: false,
    qos: 1,
    topic: "bench/31/telemetry",
    packet_id: "16",
    payload: untimedPayload.toBase64(),
    ts: 1795495413060,
  });
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    "content-type: application/json",
    "user-agent: hookline/0.1.0",
    "webhook-id: 3f2a91c0-77de-1z141z",
    "webhook-timestamp: 1795495413",
    "webhook-seq: 1795495413060",
    `content-length: ${body.length}`,
  ];
  return new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`);
};

/** Sends so many requests; resolves when each has had its answer. */
export const postWithoutBroker = async (url: string, count: number): Promise<void> => {
  const { port } = new URL(url);
  const request = requestTo(url);
  let left = count;
  const post = async () => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    conn.setNoDelay(true);
    const answer = new Uint8Array(1024);
    while (left-- > 0) {
      // A request and its answer are each smaller than any socket buffer.
      if (await conn.write(request) !== request.length) throw new Error("a request was cut");
      if (await conn.read(answer) === null) throw new Error("closed by the receiver");
    }
    conn.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, post));
};
