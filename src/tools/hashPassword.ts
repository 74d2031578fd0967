/**
 * `deno task hash-password`: reads a password and prints the hash to put into broker.toml. From a terminal it
 * is not shown; from a pipe it is all that comes. It takes no password as an argument, where other users of
 * the machine could see it.
 */
import { hash } from "../auth/PasswordHash.ts";
import { askPassword, Cancelled } from "./Person.ts";
import { Terminal } from "./Terminal.ts";

/** From a pipe: a line's end belongs to echo, not to the password. */
const piped = async (): Promise<string> =>
  (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "");

if (import.meta.main) {
  const terminal = new Terminal();
  try {
    const password = terminal.isThere ? await askPassword(terminal, "") : await piped();
    if (password === "") {
      console.error("hash-password: expected a password on standard input, found nothing");
      Deno.exit(64); // EX_USAGE
    }
    console.log(await hash(password));
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    Deno.exit(130); // as a shell tells of Ctrl-C
  }
}
