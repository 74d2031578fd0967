/** Whole bodies compared: key set, order of keys, types and values; times are checked, then left out. */
import assert from "node:assert/strict";
import { NODE } from "./brokerFiles.ts";
import type { ProtocolVersion } from "./MqttClient.ts";
import type { Body, Receiver } from "./Receiver.ts";

/** Stands for a checked time in expected bodies. */
export const TIME = "<ms since 1970>";

const TIME_KEYS = new Set(["created_at", "connected_at", "disconnected_at", "ts", "pts"]);

/** When this test file began: no event can be older. */
const began = Date.now();

/** Asserts that these bodies are exactly those, key order included; `time` stands for any plausible time. */
export const assertBodies = (actual: ReadonlyArray<Body>, expected: ReadonlyArray<Body>): void => {
  const timeless = actual.map((body) =>
    Object.fromEntries(
      Object.entries(body).map(([key, value]) => {
        if (!TIME_KEYS.has(key)) return [key, value];
        assert.ok(Number.isInteger(value), `${key} is no integer: ${JSON.stringify(body)}`);
        const at = Number(value);
        assert.ok(at >= began - 1 && at <= Date.now() + 1, `${key} is implausible: ${at}`);
        return [key, TIME];
      }),
    )
  );
  // As text, because deepEqual would not see the order of keys.
  assert.deepEqual(
    timeless.map((body) => JSON.stringify(body)),
    expected.map((body) => JSON.stringify(body)),
  );
};

/** The bodies about this client so far, in order of arrival: the recipient's, and the publisher's where there is none. */
export const bodiesOf = (receiver: Receiver, clientid: string): ReadonlyArray<Body> =>
  receiver.requests.map(({ body }) => body)
    .filter((body) => (body.clientid ?? body.from_clientid) === clientid);

/** The `action`s of these bodies. */
export const actions = (bodies: ReadonlyArray<Body>): ReadonlyArray<unknown> =>
  bodies.map(({ action }) => action);

/** The four fields of the client that an event is about. */
export const about = (
  { address }: { readonly address: string },
  clientid: string,
  username = "undefined",
): Body => ({ node: NODE, ipaddress: address, clientid, username });

/** The four fields of the client that published. */
export const from = (
  { address }: { readonly address: string },
  clientid: string,
  username = "undefined",
): Body => ({
  from_node: NODE,
  from_ipaddress: address,
  from_clientid: clientid,
  from_username: username,
});

/** What a CONNECT asked for. */
export const asked = (version: ProtocolVersion, keepalive: number, clean: boolean): Body => ({
  keepalive,
  proto_ver: version,
  ...(version === 5 ? { clean_start: clean } : { clean_session: clean }),
});

/** The fields of a PUBLISH whose payload is this text. */
export const publish = (
  { dup = false, retain = false, qos, topic, packetId = 0, payload }: {
    readonly dup?: boolean;
    readonly retain?: boolean;
    readonly qos: 0 | 1 | 2;
    readonly topic: string;
    readonly packetId?: number | undefined;
    readonly payload: string;
  },
): Body => ({
  dup,
  retain,
  qos,
  topic,
  packet_id: String(packetId),
  payload: new TextEncoder().encode(payload).toBase64(),
});
