/**
 * What there is in a bundle's text that means something else, or nothing, once the bundle is the body of
 * a function: found in one walk through its syntax tree.
 *
 * @module
 */
import type { AnyNode, Comment, Program } from "../../protocol/functions/parse.ts";
import { type PlainPiece, readPieces } from "./bundle_pieces.ts";
import { isVariable, walk } from "./syntax_walk.ts";

type Node<T extends AnyNode["type"]> = Extract<AnyNode, { type: T }>;

/** A name that is used, and how. */
export interface Use {
  node: Node<"Identifier">;
  /** It stands for a key as well: `{ name }`. */
  isShorthand: boolean;
}

/** A module that is named in a call. */
export interface NamedModule {
  node: AnyNode;
  specifier: string;
  /** It stands in a `try`: not to find the module is provided for. */
  isTried: boolean;
}

/** What was found. */
export interface BundleSyntax {
  tree: Program;
  comments: Comment[];
  /** Modules of which the tree has nothing, since there is nothing in them that is looked for. */
  plain: PlainPiece[];
  /** Uses of variables that were asked about: those that are imported of other files of the bundle. */
  uses: Map<string, (Use & { isCallee: boolean })[]>;
  imports: Node<"ImportDeclaration">[];
  exports: Node<"ExportNamedDeclaration">[];
  /** `import.meta`, with the property that is read of it where one is. */
  metas: { node: Node<"MetaProperty">; property: string | undefined }[];
  /** Free uses of `__dirname` and `__filename`, but for `typeof` of them. */
  fileNames: Use[];
  /** `createRequire(import.meta.url)`. */
  requireMakers: Node<"CallExpression">[];
  /** Names of files that the bundler gives its functions. */
  moduleKeys: { node: Node<"Literal">; name: string }[];
  /** `import("literal")`. */
  dynamicImports: NamedModule[];
  /** `require("literal")` of what is not in the bundle. */
  requires: NamedModule[];
  /** Uses of variables that the bundler may have named after a file or folder, by name. */
  fileVariables: Map<string, Use[]>;
  /** Something at the top level is awaited. */
  isAsync: boolean;
}

const functionTypes = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "StaticBlock",
]);
const scopeTypes = new Set([
  ...functionTypes,
  "Program",
  "BlockStatement",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "SwitchStatement",
  "CatchClause",
  "ClassExpression",
  "ClassDeclaration",
]);

/**
 * What all that is looked for has in its text. Most of a bundle has none of it: looking at the places
 * where it stands takes a tenth of the time.
 */
const marks =
  /\b(?:import|export|await)\b|__(?:dir|file)name|createRequire|__(?:require|commonJS|esm)|_(?:exports|default)|\b(?:require|init)_/g;
/** How the bundler names what stands for a module. And what Node has for its file. */
const fileVariable = /_(?:exports|default)\d*$|^(?:require|init)_|^__(?:dir|file)name$/;
/** The bundler's wrappers of modules that are not run at once: `__commonJS({ "file"() {…} })`. */
const wrappers = /^__(?:commonJS|esm)\d*$/;
/** The bundler's `require`, and its way to make one. */
const requireName = /^__require\d*$/;
const requireMaker = /^(?:__deno_internal_)?createRequire\d*$/;

/**
 * Look through a bundle.
 *
 * @param code JavaScript.
 * @param isFile Whether a specifier is that of a file of the same bundle: uses of what is imported of those
 * are found. Nothing inside of a bundle has the name of an import.
 * @throws {SyntaxError} When it is none.
 */
export function readBundle(
  code: string,
  isFile: (specifier: string) => boolean = () => false,
): BundleSyntax {
  const marked = [...code.matchAll(marks)].map(({ index }) => index);
  let imported: BundleSyntax["uses"] = new Map();
  let places = marked;
  const { tree, comments, plain } = readPieces(code, (body) => {
    imported = usesOf(body, isFile);
    return places = placesOf(code, marked, imported);
  });
  const found: BundleSyntax = {
    tree,
    comments,
    plain,
    uses: imported,
    imports: [],
    exports: [],
    metas: [],
    fileNames: [],
    requireMakers: [],
    moduleKeys: [],
    dynamicImports: [],
    requires: [],
    fileVariables: new Map(),
    isAsync: false,
  };
  const declared = new Map<string, Set<AnyNode>>([["__dirname", new Set()], [
    "__filename",
    new Set(),
  ]]);
  const fileNames: (Use & { scopes: AnyNode[] })[] = [];
  walk(tree, places, (node, around) => {
    const parent = around.at(-1);
    switch (node.type) {
      case "ImportDeclaration":
        found.imports.push(node);
        break;
      case "ExportNamedDeclaration":
        found.exports.push(node);
        break;
      case "MetaProperty":
        if (node.meta.name === "import") {
          found.metas.push({ node, property: propertyOf(node, parent) });
        }
        break;
      case "CallExpression":
        readCall(node, around, found);
        break;
      case "ImportExpression": {
        const specifier = literalOf(node.source);
        if (specifier !== undefined) {
          found.dynamicImports.push({ node, specifier, isTried: isTried(around) });
        }
        break;
      }
      case "AwaitExpression":
        found.isAsync ||= isTopLevel(around);
        break;
      case "ForOfStatement":
        found.isAsync ||= node.await && isTopLevel(around);
        break;
      case "VariableDeclaration":
        found.isAsync ||= node.kind === "await using" && isTopLevel(around);
        break;
      case "Identifier": {
        if (!isVariable(node, parent)) break;
        if (parent?.type === "ImportSpecifier" || parent?.type === "ExportSpecifier") break;
        imported.get(node.name)?.push({
          node,
          isShorthand: isShorthand(node, around),
          isCallee: isCallee(node, parent),
        });
        if (!fileVariable.test(node.name)) break;
        const use = { node, isShorthand: isShorthand(node, around) };
        let uses = found.fileVariables.get(node.name);
        if (uses === undefined) found.fileVariables.set(node.name, uses = []);
        uses.push(use);
        const scopes = declared.get(node.name);
        if (scopes === undefined) break;
        const owner = declaringScope(node, around);
        if (owner !== undefined) scopes.add(owner);
        else if (parent?.type !== "UnaryExpression" || parent.operator !== "typeof") {
          fileNames.push({ ...use, scopes: around.filter(({ type }) => scopeTypes.has(type)) });
        }
        break;
      }
    }
  });
  found.fileNames = fileNames.filter(({ node, scopes }) =>
    !scopes.some((scope) => declared.get(node.name)!.has(scope))
  );
  return found;
}

/** A list for each variable that is imported of another file of the bundle. */
function usesOf(
  body: Program["body"],
  isFile: (specifier: string) => boolean,
): BundleSyntax["uses"] {
  const uses: BundleSyntax["uses"] = new Map();
  for (const node of body) {
    if (node.type !== "ImportDeclaration" || !isFile(String(node.source.value))) continue;
    for (const { local } of node.specifiers) uses.set(local.name, []);
  }
  return uses;
}

/** Where in the text something may stand that is looked for, in order. */
function placesOf(
  code: string,
  marked: readonly number[],
  uses: BundleSyntax["uses"],
): number[] {
  const places = [...marked];
  if (uses.size === 0) return places;
  const names = [...uses.keys()].map((name) => name.replaceAll("$", "\\$")).join("|");
  const all = new RegExp(`(?<![\\p{ID_Continue}$])(?:${names})(?![\\p{ID_Continue}$])`, "gu");
  for (const { index } of code.matchAll(all)) places.push(index);
  return places.sort((a, b) => a - b);
}

/** Whether a call of it would have it as `this` that it is a property of. */
function isCallee(node: AnyNode, parent: AnyNode | undefined): boolean {
  return parent?.type === "CallExpression" && parent.callee === node ||
    parent?.type === "TaggedTemplateExpression" && parent.tag === node;
}

function readCall(
  node: Node<"CallExpression">,
  around: readonly AnyNode[],
  found: BundleSyntax,
): void {
  const { callee } = node;
  const argument = node.arguments[0];
  if (callee.type !== "Identifier" || argument === undefined) return;
  if (wrappers.test(callee.name) && argument.type === "ObjectExpression") {
    const property = argument.properties[0];
    if (property?.type !== "Property") return;
    const name = literalOf(property.key);
    if (name !== undefined) found.moduleKeys.push({ node: property.key as Node<"Literal">, name });
  } else if (requireMaker.test(callee.name)) {
    if (
      argument.type === "MemberExpression" && argument.object.type === "MetaProperty" &&
      propertyOf(argument.object, argument) === "url"
    ) found.requireMakers.push(node);
  } else if (requireName.test(callee.name)) {
    const specifier = literalOf(argument);
    if (specifier !== undefined) {
      found.requires.push({ node, specifier, isTried: isTried(around) });
    }
  }
}

function literalOf(node: AnyNode): string | undefined {
  return node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

function propertyOf(node: AnyNode, parent: AnyNode | undefined): string | undefined {
  if (parent?.type !== "MemberExpression" || parent.object !== node) return undefined;
  if (parent.computed) return literalOf(parent.property);
  return parent.property.type === "Identifier" ? parent.property.name : undefined;
}

function isTopLevel(around: readonly AnyNode[]): boolean {
  return !around.some(({ type }) => functionTypes.has(type) || type === "PropertyDefinition");
}

function isTried(around: readonly AnyNode[]): boolean {
  return around.some((node, i) => node.type === "TryStatement" && around[i + 1] === node.block);
}

/** `{ name }`, or `{ name = 1 }` in a pattern. */
function isShorthand(node: AnyNode, around: readonly AnyNode[]): boolean {
  const parent = around.at(-1);
  const property = parent?.type === "AssignmentPattern" && parent.left === node
    ? around.at(-2)
    : parent;
  return property?.type === "Property" && property.shorthand;
}

/** The scope in which an identifier is declared, when that is what it is there for. */
function declaringScope(node: AnyNode, around: readonly AnyNode[]): AnyNode | undefined {
  // Out of the pattern that it may be in.
  let i = around.length - 1;
  let inner = node;
  while (
    around[i]?.type === "ObjectPattern" || around[i]?.type === "ArrayPattern" ||
    around[i]?.type === "RestElement" || isPatternPart(around[i], inner)
  ) inner = around[i--];
  const owner = around[i];
  switch (owner?.type) {
    case "VariableDeclarator": {
      if (owner.id !== inner) return undefined;
      const declaration = around[i - 1];
      const isVar = declaration.type === "VariableDeclaration" && declaration.kind === "var";
      return around.slice(0, i).findLast(({ type }) =>
        isVar ? functionTypes.has(type) || type === "Program" : scopeTypes.has(type)
      );
    }
    case "FunctionDeclaration":
    case "ClassDeclaration":
      if (owner.id === inner) {
        return around.slice(0, i).findLast(({ type }) => scopeTypes.has(type));
      }
      return isParameter(owner, inner) ? owner : undefined;
    case "FunctionExpression":
    case "ClassExpression":
    case "ArrowFunctionExpression":
      return ("id" in owner && owner.id === inner) || isParameter(owner, inner) ? owner : undefined;
    case "CatchClause":
      return owner.param === inner ? owner : undefined;
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ImportNamespaceSpecifier":
      return around[0];
    default:
      return undefined;
  }
}

function isPatternPart(owner: AnyNode | undefined, inner: AnyNode): boolean {
  return (owner?.type === "AssignmentPattern" && owner.left === inner) ||
    (owner?.type === "Property" && owner.value === inner && inner.type !== "Literal");
}

function isParameter(owner: AnyNode, inner: AnyNode): boolean {
  return "params" in owner && (owner.params as AnyNode[]).includes(inner);
}
