/**
 * `deno task hash-password`: reads a password from standard input and prints the hash to put into
 * broker.toml. It takes no password as an argument, where other users of the machine could see it.
 */
import { hash } from "../auth/PasswordHash.ts";

if (import.meta.main) {
  if (Deno.stdin.isTerminal()) {
    console.error("Password (it will be visible), then Enter and Ctrl-D:");
  }
  // A line's end belongs to the terminal or to echo, not to the password.
  const password = (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "");
  if (password === "") {
    console.error("hash-password: expected a password on standard input, found nothing");
    Deno.exit(64); // EX_USAGE
  }
  console.log(await hash(password));
}
