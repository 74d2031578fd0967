/**
 * Holds the stream of hook events to docs/events.md ("The order of events"): every client's events in their
 * order, whatever happens. Throws at the first event that is out of place.
 */
import assert from "node:assert/strict";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import { OVERWRITTEN } from "./Random.ts";

interface SessionState {
  /** The address of the connection that it has; undefined: its client is away. */
  connected: string | undefined;
  /** The connection that it was made for, until that one's client_connack. */
  madeFor: string | undefined;
  /** The last client_subscribe or client_unsubscribe, with its topic. */
  asked: string | undefined;
}

/** How far a connection's CONNECT has got. */
interface Handshake {
  readonly clientid: string;
  stage: "asked" | "accepted";
  isNew: boolean;
}

export class EventGrammar {
  readonly #sessions = new Map<string, SessionState>();
  /** By the connection's address. */
  readonly #handshakes = new Map<string, Handshake>();
  /** message_delivered for QoS 0, 1 and 2 by the recipient's address. */
  readonly delivered = new Map<string, number>();
  /** Why each connection ended, by its address. */
  readonly endReasons = new Map<string, string>();
  #before: HookEvent | undefined;

  /** Sessions that there are by the events. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** The connection is gone: what it had begun will not go on. */
  forget(address: string): void {
    this.#handshakes.delete(address);
    this.delivered.delete(address);
    this.endReasons.delete(address);
  }

  see(event: HookEvent): void {
    try {
      this.#see(event);
      assertOwned(event);
    } catch (error) {
      const story = `${JSON.stringify(this.#before)}\n${JSON.stringify(event)}`;
      throw new Error(`${error instanceof Error ? error.message : error}, at\n${story}`);
    }
    this.#before = event;
  }

  #see(event: HookEvent): void {
    switch (event._tag) {
      case "client_connect":
        assert.ok(!this.#handshakes.has(event.ipaddress), "a second client_connect");
        this.#handshakes.set(event.ipaddress, {
          clientid: event.clientid,
          stage: "asked",
          isNew: false,
        });
        return;
      case "session_created": {
        const handshake = this.#handshake(event, "asked");
        assert.ok(!this.#sessions.has(event.clientid), "the session was there");
        handshake.isNew = true;
        this.#sessions.set(event.clientid, {
          connected: undefined,
          madeFor: event.ipaddress,
          asked: undefined,
        });
        return;
      }
      case "client_connack": {
        const handshake = this.#handshake(event, "asked");
        if (event.conn_ack !== "Connection Accepted") {
          assert.ok(!handshake.isNew, "a session for a refused client");
          return;
        }
        const session = this.#session(event.clientid);
        assert.equal(session.connected, undefined, "the session is in use");
        if (handshake.isNew) assert.equal(session.madeFor, event.ipaddress);
        session.madeFor = undefined;
        handshake.stage = "accepted";
        return;
      }
      case "client_connected": {
        const handshake = this.#handshake(event, "accepted");
        assert.equal(event.session_present, !handshake.isNew);
        const session = this.#session(event.clientid);
        assert.equal(session.connected, undefined, "connected already");
        assert.equal(session.madeFor, undefined, "no client_connack");
        session.connected = event.ipaddress;
        return;
      }
      case "client_subscribe":
      case "client_unsubscribe":
        this.#connected(event).asked = `${event._tag} ${event.topic}`;
        return;
      case "session_subscribed":
        assert.equal(this.#connected(event).asked, `client_subscribe ${event.topic}`);
        return;
      case "session_unsubscribed":
        assert.equal(this.#connected(event).asked, `client_unsubscribe ${event.topic}`);
        return;
      case "client_disconnected":
        this.#connected(event).connected = undefined;
        this.endReasons.set(event.ipaddress, event.reason);
        return;
      case "session_terminated": {
        const session = this.#session(event.clientid);
        assert.equal(session.connected, undefined, "session_terminated of a connected client");
        this.#sessions.delete(event.clientid);
        return;
      }
      case "message_publish":
        return;
      case "message_delivered":
        this.#connected(event);
        this.delivered.set(event.ipaddress, 1 + (this.delivered.get(event.ipaddress) ?? 0));
        return;
      case "message_acked":
        this.#connected(event);
        assert.ok(event.qos > 0 && event.packet_id > 0, "an acknowledged message without a number");
        return;
      case "offline_message":
        // A client's own will finds it gone although its client_disconnected comes after the will.
        if (event.clientid !== event.from_clientid) {
          assert.equal(this.#session(event.clientid).connected, undefined, "the client is there");
        }
        return;
      case "message_dropped":
        if (event.clientid !== undefined) this.#session(event.clientid);
        else assert.equal(event.reason, "PublishRefused");
        return;
    }
  }

  #handshake(
    { ipaddress, clientid }: { readonly ipaddress: string; readonly clientid: string },
    stage: Handshake["stage"],
  ): Handshake {
    const handshake = this.#handshakes.get(ipaddress);
    assert.ok(handshake, "no client_connect");
    assert.equal(handshake.clientid, clientid);
    assert.equal(handshake.stage, stage);
    return handshake;
  }

  #session(clientid: string): SessionState {
    const session = this.#sessions.get(clientid);
    assert.ok(session, "no such session");
    return session;
  }

  #connected(
    { ipaddress, clientid }: { readonly ipaddress: string; readonly clientid: string },
  ): SessionState {
    const session = this.#session(clientid);
    assert.equal(session.connected, ipaddress, "not connected");
    return session;
  }
}

/** Fails when a field shows bytes of a read buffer that was used again. */
const assertOwned = (event: HookEvent): void => {
  for (const value of Object.values(event)) {
    if (value instanceof Uint8Array) {
      for (let at = value.indexOf(OVERWRITTEN); at >= 0; at = value.indexOf(OVERWRITTEN, at + 1)) {
        assert.ok(
          value[at + 1] !== OVERWRITTEN || value[at + 2] !== OVERWRITTEN,
          "a payload of overwritten bytes",
        );
      }
    } else if (typeof value === "string") {
      assert.ok(!value.includes("\ufffd"), "a text of overwritten bytes");
    }
  }
};
