/**
 * The bodies that receivers get, as a Schema for those who write one in TypeScript: the fields of HookEvent
 * under the rule's `action` in place of `_tag`. Keys beside them are let pass: there may be more one day.
 *
 * A body is one under the general settings: with a `payload` of an `[[endpoint]]`, or with `compat`, others
 * come. It must never know what an engine is: receivers import it and nothing else of ours.
 */
import * as Schema from "@effect/schema";
import type { HookEvent, HookEventName } from "./HookEvent.ts";
import { hookEventNames, hookEvents } from "./HookEvent.ts";

/** Which event each action is sent for. */
export type HookActions = Readonly<Record<string, HookEventName>>;

/** Bodies of an event under an action, decoded: `payload` as bytes, `packet_id` as a number. */
export type HookBodyOf<Name extends HookEventName, Action extends string = Name> =
  & { readonly action: Action }
  & Omit<Extract<HookEvent, { readonly _tag: Name }>, "_tag">;

/** Bodies under these actions, told apart by `action`. */
export type HookBodyUnder<Actions extends HookActions> = {
  readonly [Action in keyof Actions & string]: HookBodyOf<Actions[Action], Action>;
}[keyof Actions & string];

/** The Schema of bodies under the actions that the rules of a web-hook.toml name: `{ online: "client_connected" }`. */
export const hookBodyUnder = <const Actions extends HookActions>(
  actions: Actions,
): Schema.Schema<HookBodyUnder<Actions>, unknown> =>
  // A union of structs, each right by itself, that TypeScript cannot make of a record.
  Schema.Union(
    ...Object.entries(actions).map(([action, name]) => hookBodyOf(name, [action])),
  ) as never;

/** The Schema of one event's bodies, under whichever of these actions. */
export const hookBodyOf = (
  name: HookEventName,
  actions: ReadonlyArray<string>,
): Schema.Schema.AnyNoContext => {
  const { _tag, ...fields } = hookEvents[name].fields;
  // One of 15 records of fields, which TypeScript cannot spread as one.
  return Schema.Struct({ action: Schema.Literal(...actions), ...fields as Schema.Struct.Fields });
};

/** Each event under its own name, as rules without an `action` have it. */
const OWN_NAMES = Object.fromEntries(hookEventNames.map((name) => [name, name])) as {
  readonly [Name in HookEventName]: Name; // fromEntries forgets which value is whose
};

/** The Schema of bodies under the names of their events. */
export const HookBody: Schema.Schema<HookBody, unknown> = hookBodyUnder(OWN_NAMES);
export type HookBody = HookBodyUnder<typeof OWN_NAMES>;
