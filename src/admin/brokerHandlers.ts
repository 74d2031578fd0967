/** The API's answers about clients, subscriptions and messages. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import { isServerTopic, isTopicFilter, isTopicName } from "../domain/TopicFilter.ts";
import type { Broker } from "../mqtt/Broker.ts";
import type { PublishBody } from "./Api.ts";
import { Api } from "./Api.ts";
import { PAGE_ROWS } from "./fields.ts";
import { linked } from "./linked.ts";
import { pageOf } from "./page.ts";
import { problem } from "./Problem.ts";
import type { Session } from "./rows.ts";
import { clientRow, retainedRow, subscriptionRow } from "./rows.ts";

/** Sessions behind the one of this number, in the order in which they were opened. */
function* sessionsAfter(broker: Broker, number: number): Generator<Session> {
  for (const session of broker.context.sessions) if (session.number > number) yield session;
}

const unknownClient = (clientid: string) =>
  problem(404, `no client ${JSON.stringify(clientid)}, neither connected nor with a session`);

export const clientsLive = (broker: Broker, mostRows: number) =>
  HttpApiBuilder.group(Api, "clients", (handlers) =>
    handlers
      .handle("clients", ({ urlParams }) => {
        const { _limit = PAGE_ROWS, after, clientid, username, connected } = urlParams;
        const { ip_address, _like_clientid, _like_username } = urlParams;
        const isWanted = (session: Session) =>
          (clientid === undefined || session.id === clientid) &&
          (username === undefined || session.info.username === username) &&
          (connected === undefined || session.connected === connected) &&
          (_like_clientid === undefined || session.id.includes(_like_clientid)) &&
          (_like_username === undefined || session.info.username.includes(_like_username)) &&
          (ip_address === undefined || session.info.ipaddress.startsWith(`${ip_address}:`) ||
            session.info.ipaddress.startsWith(`[${ip_address}]:`));
        return Effect.flatMap(
          pageOf(
            sessionsAfter(broker, Number(after ?? 0)),
            Math.min(_limit, mostRows),
            (session) => isWanted(session) ? [clientRow(session)] : [],
            ({ number }) => String(number),
          ),
          linked,
        );
      })
      .handle("client", ({ path: { clientid } }) => {
        const session = broker.context.sessions.get(clientid);
        return session === undefined
          ? Effect.fail(unknownClient(clientid))
          : Effect.succeed(clientRow(session));
      })
      .handle("online", ({ path: { clientid } }) =>
        Effect.sync(() =>
          broker.context.sessions.get(clientid)?.connected === true
        ))
      .handle("kick", ({ path }) => kick(broker, path.clientid))
      .handle("kickCalled", ({ urlParams }) => kick(broker, urlParams.clientid)));

const kick = (broker: Broker, clientid: string) =>
  Effect.suspend(() =>
    broker.kick(clientid) ? Effect.succeed(true) : Effect.fail(unknownClient(clientid))
  );

export const subscriptionsLive = (broker: Broker, mostRows: number) =>
  HttpApiBuilder.group(Api, "subscriptions", (handlers) =>
    handlers
      .handle("subscriptions", ({ urlParams }) => {
        const { _limit = PAGE_ROWS, after, clientid, topic, qos, share } = urlParams;
        return Effect.flatMap(
          pageOf(
            subscriptionsFrom(broker.context.sessions, after ?? "0:0"),
            Math.min(_limit, mostRows),
            ({ session, subscription }) =>
              (clientid === undefined || session.id === clientid) &&
                (topic === undefined || subscription.filter === topic) &&
                (qos === undefined || subscription.qos === qos) &&
                (share === undefined || subscription.share === share)
                ? [subscriptionRow(session, subscription)]
                : [],
            placeBehind,
          ),
          linked,
        );
      })
      .handle("subscriptionsOf", ({ path: { clientid }, urlParams }) => {
        const { _limit = PAGE_ROWS, after = "0:0" } = urlParams;
        const session = broker.context.sessions.get(clientid);
        return Effect.flatMap(
          pageOf(
            session === undefined ? [] : subscriptionsFrom([session], after),
            Math.min(_limit, mostRows),
            ({ session, subscription }) => [subscriptionRow(session, subscription)],
            placeBehind,
          ),
          linked,
        );
      }));

/** What the next page begins with. */
const placeBehind = ({ session, place }: { readonly session: Session; readonly place: number }) =>
  `${session.number}:${place + 1}`;

/** All subscriptions from a place on: of the session of this number, or one behind it. */
function* subscriptionsFrom(sessions: Iterable<Session>, cursor: string) {
  const [number = 0, from = 0] = cursor.split(":").map(Number);
  for (const session of sessions) {
    if (session.number < number) continue;
    let place = 0;
    for (const subscription of session.subscriptions.values()) {
      if (session.number > number || place >= from) yield { session, subscription, place };
      place++;
    }
  }
}

export const messagesLive = (broker: Broker, mostRows: number) =>
  HttpApiBuilder.group(Api, "messages", (handlers) =>
    handlers
      .handle("retains", ({ urlParams }) => {
        const { _limit = PAGE_ROWS, after, topic = "#" } = urlParams;
        if (!isTopicFilter(topic)) {
          const detail = `topic: expected a topic filter, found ${JSON.stringify(topic)}`;
          return Effect.fail(problem(422, detail));
        }
        return Effect.flatMap(
          pageOf(
            retainedFrom(broker, topic, Number(after ?? 0)),
            Math.min(_limit, mostRows),
            ({ message }) => message === undefined ? [] : [retainedRow(message)],
            ({ place }) => String(place + 1),
          ),
          linked,
        );
      })
      .handle("deleteRetained", ({ urlParams: { topic } }) =>
        broker.forgetRetained(topic)
          ? Effect.succeed(true)
          : Effect.fail(problem(404, `no retained message of topic ${JSON.stringify(topic)}`)))
      .handle("publish", ({ payload }) =>
        publish(broker, payload)));

/** The steps of a walk through what is retained, from one on. */
function* retainedFrom(broker: Broker, topic: string, from: number) {
  const walk = broker.context.pubSub.retained.walk(topic);
  let place = 0;
  for (let step = walk.next(); !step.done; step = walk.next(), place++) {
    yield { message: place < from ? undefined : step.value, place };
  }
}

const publish = (broker: Broker, body: PublishBody) =>
  Effect.gen(function* () {
    const topics = [
      ...(body.topic === undefined ? [] : [body.topic]),
      ...(body.topics?.split(",").map((topic) => topic.trim()) ?? []),
    ];
    if (topics.length === 0) return yield* Effect.fail(problem(422, "topic or topics is missing"));
    for (const topic of topics) {
      if (isTopicName(topic) && !isServerTopic(topic)) continue;
      const detail = `expected a topic name, found ${JSON.stringify(topic)}`;
      return yield* Effect.fail(problem(422, detail));
    }
    const payload = payloadOf(body);
    if (payload === undefined) {
      return yield* Effect.fail(problem(422, "payload: expected base64, as encoding says"));
    }
    const { clientid = "system", qos = 0, retain = false, properties } = body;
    const { nodeId } = broker.context;
    const seconds = properties?.message_expiry_interval;
    for (const topic of topics) {
      const recipients = broker.publish({
        from: { node: nodeId, ipaddress: "", clientid, username: "undefined", as: "admin" },
        topic,
        payload,
        qos,
        retain,
        expiryInterval: seconds === undefined ? Infinity : seconds * 1000,
        forward: new Uint8Array(0),
      });
      if (recipients === undefined) {
        const detail = `no room to retain a message of topic ${JSON.stringify(topic)}`;
        return yield* Effect.fail(problem(422, detail));
      }
    }
    return "ok" as const;
  });

const payloadOf = ({ payload, encoding = "plain" }: PublishBody): Uint8Array | undefined => {
  if (encoding === "plain") return new TextEncoder().encode(payload);
  try {
    return Uint8Array.fromBase64(payload);
  } catch {
    return undefined;
  }
};
