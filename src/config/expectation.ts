/**
 * Turns what Schema finds wrong into faults that a person can act on.
 *
 * Schema's own messages speak of its structure and print the value they got. So each schema of a
 * configuration key says in words what it expects, and values are shown by rules of our own: a
 * secret must never be among them.
 */
import type * as Schema from "@effect/schema";
import type * as ParseResult from "effect/ParseResult";
import * as AST from "effect/SchemaAST";
import * as Option from "effect/Option";
import type { ConfigFault, KeyPath } from "./ConfigError.ts";
import { nearest } from "./nearest.ts";

/** What a key of a configuration file should hold. */
export interface Expectation {
  /** Completes the sentence "expected …"; without it the value's kind is named: "a table", "true or false". */
  readonly expected?: string;
  /** Completes "expected …" for a key that the table does not have: "a known key" if absent. */
  readonly key?: string;
  /** Values to choose from, for the "did you mean". */
  readonly candidates?: ReadonlyArray<string>;
  /** Of a wrong value only the kind may be shown. */
  readonly secret?: boolean;
}

const ExpectationId: unique symbol = Symbol.for("hookline/config/Expectation");

/**
 * Says what a schema expects. An issue that the schema itself raises with a message says by it what
 * was *found*.
 */
export const expecting =
  (expectation: Expectation) => <S extends Schema.Annotable.All>(schema: S): S =>
    schema.annotations({ [ExpectationId]: expectation }) as S; // annotations change no type; Self<S> is not S to the compiler

/** What a schema expects of a value, and of a key: completes "expected …" in a fault, and stands in docs/. */
export const expected = (ast: AST.AST): { readonly value: string; readonly key: string } => {
  const own = expectationOf(ast);
  return { value: own?.expected ?? kindExpected(ast), key: own?.key ?? A_KNOWN_KEY };
};

const A_KNOWN_KEY = "a known key";

/** A fault of which the file and the line are not known yet. */
export type UnplacedFault = Omit<ConfigFault, "file" | "line">;

/**
 * Everything that Schema found wrong: one fault per key, in Schema's order. `alsoKnown` names keys of a table
 * that somebody else takes: an unknown one may stand for them, too.
 */
export const faultsOf = (
  issue: ParseResult.ParseIssue,
  alsoKnown: AlsoKnown = () => [],
): ReadonlyArray<UnplacedFault> =>
  collect(issue, [], {}, { key: A_KNOWN_KEY, known: [], alsoKnown });

/** Keys that a table may have without the Schema's knowledge. */
export type AlsoKnown = (table: KeyPath) => ReadonlyArray<string>;

/** What an unknown key could have been. */
interface KnownKeys {
  readonly key: string;
  readonly known: ReadonlyArray<string>;
  readonly alsoKnown: AlsoKnown;
}

/** `outer` is what the schemas around this one, for the same key, expect. */
const collect = (
  issue: ParseResult.ParseIssue,
  path: KeyPath,
  outer: Expectation,
  table: KnownKeys,
): ReadonlyArray<UnplacedFault> => {
  switch (issue._tag) {
    case "Pointer": {
      const parts = [issue.path].flat().map((p) => typeof p === "symbol" ? String(p) : p);
      return collect(issue.issue, [...path, ...parts], {}, table);
    }
    case "Refinement":
    case "Transformation":
      return collect(issue.issue, path, expectationOf(issue.ast) ?? outer, table);
    case "Composite": {
      if (AST.isUnion(issue.ast)) return [fault(path, issue.ast, issue.actual, outer)];
      const keys: KnownKeys = {
        key: (expectationOf(issue.ast) ?? outer).key ?? A_KNOWN_KEY,
        known: [
          ...(AST.isTypeLiteral(issue.ast)
            ? issue.ast.propertySignatures.map((p) => String(p.name))
            : []),
          ...table.alsoKnown(path),
        ],
        alsoKnown: table.alsoKnown,
      };
      return [issue.issues].flat().flatMap((inner) => collect(inner, path, {}, keys));
    }
    case "Unexpected": {
      const key = String(path.at(-1));
      const found = JSON.stringify(key);
      return [{ path, expected: table.key, found, nearest: nearest(key, table.known) }];
    }
    case "Missing":
      return [fault(path, issue.ast.type, undefined, outer)];
    case "Type":
    case "Forbidden":
      return [fault(path, issue.ast, issue.actual, outer, issue.message)];
  }
};

const fault = (
  path: KeyPath,
  ast: AST.AST,
  actual: unknown,
  outer: Expectation,
  found?: string,
): UnplacedFault => {
  const own = expectationOf(ast) ?? outer;
  // A whole table or list where another kind was given: what is in it may be secret.
  const hidden = own.secret || AST.isTypeLiteral(ast) || AST.isTupleType(ast);
  return {
    path,
    expected: own.expected ?? kindExpected(ast),
    found: found ?? (hidden ? kindOf(actual) : show(actual)),
    nearest: typeof actual === "string" ? nearest(actual, own.candidates ?? []) : undefined,
  };
};

const expectationOf = (ast: AST.AST): Expectation | undefined =>
  Option.getOrUndefined(AST.getAnnotation<Expectation>(ast, ExpectationId));

const kindExpected = (ast: AST.AST): string => {
  switch (ast._tag) {
    case "TypeLiteral":
      return "a table";
    case "TupleType":
      return "an array";
    case "BooleanKeyword":
      return "true or false";
    case "StringKeyword":
      return "a string";
    case "NumberKeyword":
      return "a number";
    case "Transformation":
    case "Refinement":
      return kindExpected(ast.from);
    default:
      return "another value";
  }
};

const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return "an array";
  switch (typeof value) {
    case "undefined":
      return "nothing";
    case "string":
      return "a string";
    case "boolean":
      return "a boolean";
    case "symbol": // see readToml
      return "a date";
    case "object":
      return "a table";
    default:
      return "a number";
  }
};

/** A value as TOML would write it, shortened; tables and arrays only by their kind. */
const show = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
    case "number":
      return String(value).replace("Infinity", "inf").replace("NaN", "nan");
    case "boolean":
      return String(value);
    default:
      return kindOf(value);
  }
};

/** As much of a wrong text as a line of a log should be burdened with. */
const SHOWN = 80;
