/**
 * aedes as far as the benches use it: its own types come with the package, which deno.lock does not have
 * (see packages.ts). It must be imported by its servers alone, which run with `--lock=tests/deno.lock`.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { IPublishPacket } from "mqtt-packet";
import { AEDES } from "../../../tests/support/packages.ts";

export interface Aedes {
  /** Serves a connection of node's server. */
  readonly handle: (socket: Socket) => void;
  /** `client` is null for the broker's own $SYS messages. */
  on(
    event: "publish",
    listener: (
      packet: IPublishPacket & { readonly payload: Buffer },
      client: { readonly id: string; readonly conn: Socket } | null,
    ) => void,
  ): void;
}

/** A broker with all defaults. */
export const createAedes = async (): Promise<Aedes> => (await import(AEDES)).Aedes.createBroker();
