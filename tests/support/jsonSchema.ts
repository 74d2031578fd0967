/** Checks values by a JSON Schema, with ajv, which is the tests' alone (see packages.ts). */
import type { JsonSchema } from "../../src/admin/eventsSchema.ts";
import { AJV } from "./packages.ts";

/** What is wrong with a value, in ajv's words; undefined: nothing. */
export type Check = (value: unknown) => string | undefined;

/** Throws on a schema that is none of draft 2020-12, or that has a keyword that nobody knows. */
export const compileSchema = async (schema: JsonSchema): Promise<Check> => {
  const { Ajv2020 } = await import(AJV);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  const validate = ajv.compile(schema);
  return (value) => validate(value) ? undefined : ajv.errorsText(validate.errors);
};
