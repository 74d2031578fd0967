/**
 * The house's dialect as a plugin of `deno lint`: private state is `#x`, a module's constants are
 * UPPER_SNAKE, types are imported apart from values.
 */

/** A value that is known when it is written down: what is called a constant here. */
const isConstant = (node: Deno.lint.Expression | null): boolean => {
  switch (node?.type) {
    case "Literal":
    case "TemplateLiteral":
    case "ArrayExpression":
    case "NewExpression":
      return true;
    case "UnaryExpression":
      return isConstant(node.argument);
    case "BinaryExpression":
      return node.left.type !== "PrivateIdentifier" && isConstant(node.left) &&
        isConstant(node.right);
    case "TSAsExpression":
    case "TSSatisfiesExpression":
      return isConstant(node.expression);
    default:
      return false;
  }
};

const UPPER_SNAKE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/** Told of a member with the keyword `private`: `#x` is private at run time too, and to tests. */
const noPrivateKeyword = (
  context: Deno.lint.RuleContext,
  node: Deno.lint.Node,
  isPrivate: boolean,
) => {
  if (!isPrivate) return;
  context.report({ node, message: "`private`: private state is `#x`" });
};

export default {
  name: "dialect",
  rules: {
    "private-state": {
      create: (context) => ({
        PropertyDefinition: (node) =>
          noPrivateKeyword(context, node, node.accessibility === "private"),
        TSParameterProperty(node) {
          // Deno 2.9 tells the constructor's accessibility as that of its parameters.
          const isPrivate = /^private\b/.test(context.sourceCode.getText(node));
          noPrivateKeyword(context, node, isPrivate);
        },
        MethodDefinition(node) {
          // A class that is made by a static function alone has no other way to say so.
          if (node.kind === "constructor") return;
          noPrivateKeyword(context, node, node.accessibility === "private");
        },
      }),
    },
    "constant-names": {
      create: (context) => ({
        VariableDeclaration(node) {
          const { parent, kind } = node;
          const isOfModule = parent.type === "Program" || parent.type === "ExportNamedDeclaration";
          if (kind !== "const" || !isOfModule) return;
          for (const { id, init } of node.declarations) {
            if (id.type !== "Identifier" || !isConstant(init) || UPPER_SNAKE.test(id.name)) {
              continue;
            }
            context.report({ node: id, message: `${id.name}: a module's constant is UPPER_SNAKE` });
          }
        },
      }),
    },
    "type-imports": {
      create: (context) => ({
        ImportSpecifier(node) {
          if (node.importKind !== "type" || node.parent.type !== "ImportDeclaration") return;
          if (node.parent.importKind === "type") return;
          context.report({ node, message: "types are imported apart, by `import type`" });
        },
      }),
    },
  },
} satisfies Deno.lint.Plugin;
