/** The hook events as Markdown: what their Schemas say, and a body of each as receivers get it. */
import * as Schema from "@effect/schema";
import * as Option from "effect/Option";
import * as AST from "effect/SchemaAST";
import type { HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames, hookEvents } from "../../domain/HookEvent.ts";
import { BodySlabs, bytesOf } from "../../webhook/body/BodySlab.ts";
import * as EventEncoder from "../../webhook/body/EventEncoder.ts";
import { SAMPLE_EVENTS } from "../../domain/sampleEvents.ts";

/** All events in one table. */
export const eventTable = (): string =>
  table(
    ["event", "moment"],
    hookEventNames.map((name) => [`[\`${name}\`](#${name})`, descriptionOf(hookEvents[name].ast)]),
  );

/** A section for each event: its moment, its fields, a body. */
export const eventSections = (): string =>
  hookEventNames.map((name) =>
    [
      `### \`${name}\``,
      descriptionOf(hookEvents[name].ast),
      table(["field", "type", "meaning"], [
        [
          "`action`",
          "string",
          "The rule's `action`: the event's name unless the rule says another.",
        ],
        ...rows(hookEvents[name].ast, ""),
      ]),
      `\`\`\`json\n${sampleBody(name)}\n\`\`\``,
    ].join("\n\n")
  ).join("\n\n");

/** Throws where nothing is said. */
const descriptionOf = (annotated: AST.Annotated): string =>
  Option.getOrThrow(AST.getDescriptionAnnotation(annotated));

type Row = readonly [field: string, type: string, meaning: string];

const rows = (ast: AST.AST, prefix: string): ReadonlyArray<Row> =>
  !AST.isTypeLiteral(ast) ? [] : ast.propertySignatures.flatMap((field): ReadonlyArray<Row> => {
    const name = `${prefix}${String(field.name)}`;
    const type = field.isOptional ? `${typeOf(field.type)}, may be absent` : typeOf(field.type);
    if (name === "_tag") return [];
    return [[`\`${name}\``, type, descriptionOf(field)], ...rows(field.type, `${name}.`)];
  });

/** A value's type in the body. Throws on one that is unknown here. */
const typeOf = (ast: AST.AST): string => {
  const encoded = AST.encodedAST(ast);
  if (ast === Schema.Int.ast) return "integer";
  if (AST.isStringKeyword(encoded)) return "string";
  if (AST.isBooleanKeyword(encoded)) return "boolean";
  if (AST.isTypeLiteral(encoded)) return "object";
  if (AST.isLiteral(encoded)) return `\`${encoded.literal}\``;
  if (AST.isUnion(encoded)) {
    const types = encoded.types.map(typeOf);
    return `${types.slice(0, -1).join(", ")} or ${types.at(-1)}`;
  }
  throw new Error(`no word for the type ${ast}`);
};

/** Written by the encoder that writes all bodies, then set in lines. */
const sampleBody = (name: HookEventName): string => {
  const body = new BodySlabs().write(SAMPLE_EVENTS[name], EventEncoder.make(name, name));
  return JSON.stringify(JSON.parse(new TextDecoder().decode(bytesOf(body))), null, 2);
};

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
