/**
 * A file that the bundler wrote, read: what it imports of other files, what it exports, the namespaces of
 * modules that it makes, and the bundler's own helpers, which may stand in any file.
 *
 * @module
 */
import type { AnyNode, Comment } from "../../protocol/functions/parse.ts";
import { bindingPatterns } from "../../protocol/functions/syntax.ts";
import type { BundleFile } from "./bundle_order.ts";
import { isTitleAt } from "./bundle_pieces.ts";
import { type BundleSyntax, readBundle } from "./bundle_syntax.ts";
import { nameOfModule } from "./module_names.ts";
import { lineOf, lineStarts } from "./text_edits.ts";

/** A function of the bundler's, such as `__commonJS`. */
export interface Helper {
  /** Its declaration, on one line. */
  text: string;
  /** All the words in it: the names of what it uses are among them. */
  words: ReadonlySet<string>;
}

/** What the module is that a file begins with. */
export const MODULE = "module";

/** One file. */
export class ReadFile {
  readonly name: string;
  readonly file: BundleFile;
  readonly syntax: BundleSyntax;
  /** By name in here, the file that something is imported of, and its name there. */
  readonly imported: Map<string, { file: string; name: string }> = new Map();
  /** The files that are imported, in order. */
  readonly files: Set<string> = new Set();
  /** By exported name, the name in here. */
  readonly exports: Map<string, string> = new Map();
  /** By variable, a module's namespace: the names of its exports, by what they are called in here. */
  readonly spaces: Map<string, Map<string, string>> = new Map();
  readonly helpers: Map<string, Helper> = new Map();
  /** What stands for CommonJS modules of other files that the modules in here import. */
  readonly required: Set<string> = new Set();
  /** What is not the program's own: declarations of helpers, imports of other files, exports. */
  readonly removed: AnyNode[] = [];
  /** Whether any module's text is in it. */
  readonly hasModules: boolean;
  /** Namespaces that get more names when the file runs. */
  readonly open: Set<string> = new Set();
  /** By the name of a module, the variables that it declares at its top level. */
  readonly variables: Map<string, string[]> = new Map();
  readonly #titled = new Map<Comment, string[]>();
  readonly #lines: number[];

  /**
   * @param name Its name. @param file What the bundler wrote.
   * @param isFile Whether a specifier is that of another file.
   */
  constructor(name: string, file: BundleFile, isFile: (specifier: string) => boolean) {
    this.name = name;
    this.file = file;
    this.syntax = readBundle(file.code, isFile);
    this.#lines = lineStarts(file.code);
    const titles = this.syntax.comments.filter((comment) => this.isTitle(comment));
    const [first] = titles;
    this.hasModules = first !== undefined;
    for (const { title, variables } of this.syntax.plain) {
      this.#variablesOf(title).push(...variables);
    }
    let title = 0;
    for (const node of this.syntax.tree.body) {
      while (title < titles.length && titles[title].start < node.start) title++;
      if (title > 0) this.#addVariables(titles[title - 1], node);
      switch (node.type) {
        case "ImportDeclaration": {
          const specifier = String(node.source.value);
          if (!isFile(specifier)) break;
          this.removed.push(node);
          const other = specifier.slice(2);
          this.files.add(other);
          for (const one of node.specifiers) {
            if (one.type !== "ImportSpecifier") continue;
            this.imported.set(one.local.name, { file: other, name: nameOf(one.imported) });
          }
          break;
        }
        case "ExportNamedDeclaration":
          this.removed.push(node);
          for (const { local, exported } of node.specifiers) {
            this.exports.set(nameOf(exported), nameOf(local));
          }
          break;
        case "VariableDeclaration":
          if (first === undefined || node.end < first.start) this.#addHelper(node);
          else this.#addRequired(node.declarations[0].init);
          break;
        case "ExpressionStatement":
          this.#addSpace(node.expression);
          break;
      }
    }
  }

  /** Whether a comment names the module whose text begins there. */
  isTitle({ type, start }: { type: string; start: number }): boolean {
    return type === "Line" && this.#lines[lineOf(this.#lines, start)] === start &&
      isTitleAt(this.file.code, start);
  }

  /** Names of the variables of the module that a title names. */
  #variablesOf(title: Comment): string[] {
    let names = this.#titled.get(title);
    if (names === undefined) {
      const name = nameOfModule(title.value.trim());
      names = this.variables.get(name) ?? [];
      this.variables.set(name, names);
      this.#titled.set(title, names);
    }
    return names;
  }

  #addVariables(title: Comment, node: AnyNode): void {
    const names = this.#variablesOf(title);
    if (node.type === "VariableDeclaration") {
      for (const { id } of node.declarations) bindingPatterns(id, (name) => names.push(name));
    } else if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
      bindingPatterns(node.id, (name) => names.push(name));
    }
  }

  #addHelper(node: Extract<AnyNode, { type: "VariableDeclaration" }>): void {
    const { id } = node.declarations[0];
    if (id.type !== "Identifier") return;
    let text = "";
    let at = node.start;
    for (const { start, end } of this.syntax.comments) {
      if (start < at || end > node.end) continue;
      text += this.file.code.slice(at, start);
      at = end;
    }
    text = (text + this.file.code.slice(at, node.end)).replaceAll(/\s*\n\s*/g, " ");
    this.helpers.set(id.name, { text, words: new Set(text.match(/[\w$]+/g)) });
    this.removed.push(node);
  }

  /** `__toESM(require_name())` */
  #addRequired(node: AnyNode | null | undefined): void {
    if (node?.type !== "CallExpression" || node.callee.type !== "Identifier") return;
    const [call] = node.arguments;
    if (!/^__toESM\d*$/.test(node.callee.name) || call?.type !== "CallExpression") return;
    const { callee } = call;
    if (callee.type === "Identifier" && this.imported.has(callee.name)) {
      this.required.add(callee.name);
    }
  }

  /** `__export(name_exports, { exported: () => local, … })` */
  #addSpace(node: AnyNode): void {
    if (node.type !== "CallExpression" || node.arguments.length !== 2) return;
    const [space, list] = node.arguments;
    if (node.callee.type !== "Identifier" || space.type !== "Identifier") return;
    if (/^__reExport\d*$/.test(node.callee.name)) this.open.add(space.name);
    if (!/^__export\d*$/.test(node.callee.name) || list.type !== "ObjectExpression") return;
    const names = new Map<string, string>();
    for (const property of list.properties) {
      if (property.type !== "Property" || property.value.type !== "ArrowFunctionExpression") {
        continue;
      }
      const { body } = property.value;
      if (body.type !== "Identifier" || names.has(body.name)) continue;
      names.set(body.name, nameOf(property.key));
    }
    this.spaces.set(space.name, names);
  }
}

/** A name that is written as it is, or as a string. */
function nameOf(node: AnyNode): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" ? String(node.value) : "";
}
