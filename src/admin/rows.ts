/** What the broker has, as rows of the API's answers. */
import type { Broker } from "../mqtt/Broker.ts";
import type { Message } from "../mqtt/routing/Message.ts";
import type { Subscription } from "../mqtt/routing/Subscription.ts";
import type { ClientRow, RetainedRow, SubscriptionRow } from "./Api.ts";

/** One session of the broker. */
export type Session = NonNullable<ReturnType<Broker["context"]["sessions"]["get"]>>;

export const clientRow = (session: Session): ClientRow => {
  const { client, info, limits, left } = session;
  const [host, port] = addressOf(info.ipaddress);
  return {
    node_id: info.node,
    clientid: session.id,
    username: info.username,
    superuser: false,
    proto_ver: client?.version ?? 0,
    ip_address: host,
    port,
    listener: limits.listener,
    connected: client !== undefined,
    connected_at: client?.connectedAt ?? 0,
    disconnected_at: client === undefined ? left?.at ?? 0 : 0,
    disconnected_reason: client === undefined ? left?.reason ?? "" : "",
    keepalive: client?.keepalive ?? 0,
    clean_start: client?.cleanStart ?? false,
    session_present: client?.sessionPresent ?? false,
    expiry_interval: session.expiryInterval === Infinity ? -1 : session.expiryInterval / 1000,
    created_at: session.createdAt,
    subscriptions_cnt: session.subscriptions.size,
    max_subscriptions: limits.maxSubscriptions,
    inflight: session.inflight,
    max_inflight: client?.window ?? limits.maxInflight,
    mqueue_len: session.queued,
    max_mqueue: limits.maxMqueueLen,
  };
};

export const subscriptionRow = (
  { info }: Session,
  { filter, share, qos }: Subscription,
): SubscriptionRow => ({
  node_id: info.node,
  clientid: info.clientid,
  client_addr: info.ipaddress,
  topic: filter,
  opts: { qos, ...(share === undefined ? {} : { share }) },
});

export const retainedRow = ({ topic, qos, payload, from, publishedAt }: Message): RetainedRow => ({
  topic,
  qos,
  bytes: payload.length,
  from_clientid: from.clientid,
  published_at: publishedAt,
});

/** `"[::1]:51234"`, `"127.0.0.1:51234"`. */
const addressOf = (address: string): readonly [host: string, port: number] => {
  const colon = address.lastIndexOf(":");
  return [address.slice(0, colon).replace(/^\[|\]$/g, ""), Number(address.slice(colon + 1))];
};
