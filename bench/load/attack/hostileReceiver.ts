/** A receiver that means ill, in the bench's own process: it takes each POST, and answers as it likes. */
import type { Attack } from "./attacks.ts";

const ENCODER = new TextEncoder();
const INTERIM = ENCODER.encode("HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
const GARBAGE = ENCODER.encode("HTTP/1.1 200 OK\r\nno colon here\r\n : folded\r\n\x00\xff\r\n\r\n");

/** Its URL; closed with the listener. */
export const startHostileReceiver = (
  receiver: Exclude<Attack["receiver"], undefined | "pipe without a reader">,
): { readonly url: string; readonly close: () => void } => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (conn: Deno.TcpConn): Promise<void> => {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (;;) {
        if (await conn.read(buffer) === null || receiver === "never answers") continue;
        await conn.write(receiver === "garbage" ? GARBAGE : INTERIM);
        // Interim answers come for as long as somebody reads them.
        while (receiver === "interim answers") await conn.write(INTERIM);
      }
    } catch {
      // The broker has given it up.
    }
  };
  const accept = async (): Promise<void> => {
    try {
      for await (const conn of listener) void serve(conn);
    } catch {
      // Closed.
    }
  };
  void accept();
  const { port } = listener.addr;
  return { url: `http://127.0.0.1:${port}/`, close: () => listener.close() };
};
