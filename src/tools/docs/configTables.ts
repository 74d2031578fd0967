/**
 * What the Schema of a configuration file says about its tables and keys, for people to read. It must
 * never say what the Schema does not: a key without a description is refused.
 */
import * as Schema from "@effect/schema";
import * as Option from "effect/Option";
import * as AST from "effect/SchemaAST";
import { expected } from "../../config/expectation.ts";
import { hasSubject, hookEventNames } from "../../domain/HookEvent.ts";

/** One key that has a value. */
export interface Key {
  readonly name: string;
  readonly description: string;
  /** As the file would write it. */
  readonly default: string | undefined;
  readonly isRequired: boolean;
  /** Completes "expected …". */
  readonly expected: string;
  /** The path of the table before this one that tells of the same key. */
  readonly toldIn: string | undefined;
}

/** One table, or the file as a whole. */
export interface Table {
  /** Its name with all around it, `listener.tcp.<name>`; empty for the file. */
  readonly path: string;
  /** Whether there may be several, each written `[[path]]`. */
  readonly isList: boolean;
  readonly description: string;
  /** Completes "expected …" where that is more than a table or an array. */
  readonly expected: string | undefined;
  readonly keys: ReadonlyArray<Key>;
  readonly tables: ReadonlyArray<Table>;
}

/** The tables and keys of a file. Throws on a key without a description. */
export const configTables = <A, I, R>(file: Schema.Schema<A, I, R>): Table => {
  const keys = keysOf(file.ast);
  if (keys === undefined) throw new Error(`no table: ${file.ast}`);
  return {
    path: "",
    isList: false,
    description: "",
    expected: undefined,
    ...new Reader().read("", keys),
  };
};

/** A key as the Schema has it. */
interface SchemaKey {
  readonly name: string;
  readonly ast: AST.AST;
  readonly description: string;
  readonly default: Option.Option<unknown>;
  readonly isRequired: boolean;
}

/** The keys of a table; undefined: the value is none. */
const keysOf = (ast: AST.AST): ReadonlyArray<SchemaKey> | undefined => {
  if (AST.isRefinement(ast)) return keysOf(ast.from);
  if (AST.isTypeLiteral(ast)) return ast.indexSignatures.length > 0 ? undefined : pairs(ast, ast);
  const isTable = AST.isTransformation(ast) &&
    AST.isTypeLiteralTransformation(ast.transformation) &&
    AST.isTypeLiteral(ast.from) && AST.isTypeLiteral(ast.to);
  return isTable ? pairs(ast.from, ast.to) : undefined;
};

/** `from` has the values as they are written, `to` what was said about their keys. */
const pairs = (from: AST.TypeLiteral, to: AST.TypeLiteral): ReadonlyArray<SchemaKey> =>
  to.propertySignatures.map((key) => {
    const name = String(key.name);
    const written = from.propertySignatures.find((other) => other.name === key.name);
    const description = AST.getDescriptionAnnotation(key);
    if (written === undefined || Option.isNone(description)) {
      throw new Error(`${name} has no description`);
    }
    return {
      name,
      ast: written.type,
      description: description.value,
      default: AST.getDefaultAnnotation(key),
      isRequired: !written.isOptional,
    };
  });

/** What stands in an array, or in a table under names of the user's choice. */
const elementOf = (
  ast: AST.AST,
): { readonly isList: boolean; readonly ast: AST.AST } | undefined => {
  if (AST.isRefinement(ast)) return elementOf(ast.from);
  const inList = AST.isTupleType(ast) ? ast.rest[0] : undefined;
  const named = AST.isTypeLiteral(ast) ? ast.indexSignatures[0] : undefined;
  const element = inList ?? named;
  return element && { isList: inList !== undefined, ast: element.type };
};

class Reader {
  /** Keys that were told, with the path of their table. */
  readonly #told: Array<{ readonly of: SchemaKey; readonly key: Key; readonly path: string }> = [];

  read(path: string, all: ReadonlyArray<SchemaKey>): Pick<Table, "keys" | "tables"> {
    const keys: Array<Key> = [];
    const tables: Array<Table> = [];
    for (const key of all) {
      const table = this.#table(path === "" ? key.name : `${path}.${key.name}`, key);
      if (table === undefined) keys.push(this.#key(path, key));
      else tables.push(table);
    }
    return { keys, tables: areEvents(all) ? [anyEvent(tables)] : tables };
  }

  /** Undefined when the key has a plain value. */
  #table(path: string, { ast, description }: SchemaKey): Table | undefined {
    const element = elementOf(ast);
    const keys = keysOf(element?.ast ?? ast);
    if (keys === undefined) return undefined;
    const { value } = expected(ast);
    const own = element?.isList === false ? `${path}.<name>` : path;
    return {
      path: own,
      isList: element?.isList ?? false,
      description,
      expected: value === "an array" || value === "a table" ? undefined : value,
      ...this.read(own, keys),
    };
  }

  #key(path: string, of: SchemaKey): Key {
    const key = {
      name: of.name,
      description: of.description,
      default: Option.getOrUndefined(Option.map(of.default, (value) => inToml(of.ast, value))),
      isRequired: of.isRequired,
      expected: expectedOf(of.ast),
      toldIn: undefined,
    };
    const before = this.#told.find((told) =>
      told.key.name === key.name && told.of.ast === of.ast &&
      (key.default === undefined || key.default === told.key.default)
    );
    this.#told.push({ of, key, path });
    return before === undefined ? key : { ...key, toldIn: before.path };
  }
}

const areEvents = (keys: ReadonlyArray<SchemaKey>): boolean =>
  hookEventNames.every((event, i) => keys[i]?.name === event);

/** The tables of the events differ in the event's name and in whether there are topics: one stands for all. */
const anyEvent = (tables: ReadonlyArray<Table>): Table => {
  const place = hookEventNames.findIndex(hasSubject);
  const [name, table] = [hookEventNames[place], tables[place]];
  if (name === undefined || table === undefined) throw new Error("no event has a topic");
  return {
    ...table,
    path: table.path.replace(name, "<event>"),
    keys: table.keys.map((key) =>
      key.default === JSON.stringify(name) ? { ...key, default: '"<event>"' } : key
    ),
  };
};

/** A decoded value as the file would hold it. */
const inToml = (ast: AST.AST, value: unknown): string =>
  toml(Schema.encodeSync(Schema.make<unknown>(ast))(value));

const toml = (value: unknown): string =>
  typeof value === "number" && value >= 100_000
    ? String(value).replace(/\B(?=(\d{3})+$)/g, "_")
    : JSON.stringify(value);

const expectedOf = (ast: AST.AST): string => {
  const { key, value } = expected(ast);
  const element = elementOf(ast);
  if (element === undefined) return value;
  const inside = expected(element.ast).value;
  return element.isList
    ? `${value}, each element ${inside}`
    : `${value}, each key ${key}, each value ${inside}`;
};
