/**
 * Reads of a large file of a bundle only what has to be read as syntax. The bundler writes one statement
 * after the other, each from the beginning of a line, below a comment with the name of the module, and in one
 * style: a statement in which nothing stands that is looked for gives the name of its variable by its first
 * line, ten times as fast as a parser.
 *
 * @module
 */
import {
  type AnyNode,
  type Comment,
  parsePiece,
  parseScript,
  type Program,
} from "../../protocol/functions/parse.ts";

/** What was not parsed of a module: the variables that it declares there. */
export interface PlainPiece {
  title: Comment;
  variables: string[];
}

/** A file's syntax. */
export interface Pieces {
  /** The statements of what was parsed. */
  tree: Program;
  /** The comments in what was parsed, and the titles of the rest. */
  comments: Comment[];
  plain: PlainPiece[];
}

/** Tells where in the text anything stands that is looked for, in order, given what was parsed so far. */
export type Places = (body: Program["body"]) => readonly number[];

/** A statement, with all up to the next one. */
interface Statement {
  readonly start: number;
  end: number;
  /** What names the module that it is in. */
  readonly title: Comment | undefined;
  /** Its lines say all that there is to know. */
  isPlain: boolean;
  /** What it declares, if it is plain and declares anything. */
  readonly variable: string | undefined;
}

/** Below that, all is parsed. */
const SMALL = 2 ** 16;
/** What may go on over the end of a line, and so make lines look like what they are not; and where it ends. */
const MULTILINE = /\/\* @__PURE__ \*\/|`|\/\*|\*\//g;
/** How first lines begin that say all that there is to know, as the bundler writes them. */
const FUNCTION = /^(?:async )?function\*? ([\w$]+)\(.*\) \{\}?$/;
const CLASS = /^class ([\w$]+) .*\{\}?$/;
const VARIABLE = /^var ([\w$]+)(?:;$| = )/;
/** What is no declaration, nor a call of one of the bundler's helpers. */
const EXPRESSION =
  /^(?!__|(?:async|await|class|const|do|export|for|function|if|import|let|switch|throw|try|var|while)\b)[\w$.]+(?: = |\()/;
/** How a line begins that goes on with a statement, and all of a last line that leaves nothing open. */
const GOES_ON = /[\s\])}]/;
const LAST_LINE = /^[\])}]+;?$/;

/** What the bundler writes above a function, which is no title. */
const ANNOTATION = "// @__NO_SIDE_EFFECTS__";

/** Whether what stands at the beginning of a line is the comment with the name of a module. */
export function isTitleAt(code: string, start: number): boolean {
  return code.startsWith("//", start) && !code.startsWith(ANNOTATION, start);
}

/**
 * Read a file.
 *
 * @param code What the bundler wrote.
 * @param places Is asked until there is nothing more to parse, and at last with all that was.
 * @throws {SyntaxError} When it is no JavaScript.
 */
export function readPieces(code: string, places: Places): Pieces {
  return (code.length < SMALL ? undefined : readLarge(code, places)) ?? readWhole(code, places);
}

function readWhole(code: string, places: Places): Pieces {
  const comments: Comment[] = [];
  const tree = parseScript(code, true, comments);
  places(tree.body);
  return { tree, comments, plain: [] };
}

/** @returns Undefined if the file is not written as it is thought to be. */
function readLarge(code: string, places: Places): Pieces | undefined {
  const { titles, statements } = statementsOf(code);
  const comments: Comment[] = [];
  const body: Program["body"] = [];
  const parsed = new Set<Statement>();
  try {
    for (let before = -1; before < parsed.size;) {
      before = parsed.size;
      const asked = statementsAt(statements, places(body));
      const isNext = (statement: Statement) =>
        !parsed.has(statement) && (!statement.isPlain || asked.has(statement));
      for (let i = 0; i < statements.length; i++) {
        const first = statements[i];
        if (!isNext(first)) continue;
        parsed.add(first);
        let { end } = first;
        for (let next; (next = statements[i + 1])?.start === end && isNext(next); i++) {
          parsed.add(next);
          end = next.end;
        }
        body.push(...parsePiece(code, first.start, end, comments));
      }
    }
  } catch (error) {
    // Something goes on where it seemed to end.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const plain = new Map<Comment, string[]>();
  for (const statement of statements) {
    const { title, variable } = statement;
    if (title === undefined || parsed.has(statement)) continue;
    let variables = plain.get(title);
    if (variables === undefined) plain.set(title, variables = []);
    if (variable !== undefined) variables.push(variable);
  }
  const inOrder = (a: { start: number }, b: { start: number }) => a.start - b.start;
  const tree: Program = {
    type: "Program",
    start: 0,
    end: code.length,
    sourceType: "module",
    body: body.sort(inOrder as (a: AnyNode, b: AnyNode) => number),
  };
  return {
    tree,
    comments: [...titles, ...comments].sort(inOrder),
    plain: [...plain].map(([title, variables]) => ({ title, variables })),
  };
}

/**
 * The statements of a file, if it is written as it is thought to be. What has a template or a comment in it
 * is not plain: when it is parsed, it turns out whether it ends where it seemed to. Before the first title
 * nothing is plain.
 */
function statementsOf(code: string): { titles: Comment[]; statements: Statement[] } {
  const titles: Comment[] = [];
  const statements: Statement[] = [];
  let current: Statement | undefined;
  /** Whether a template, or a comment, goes on. */
  let inTemplate = false;
  let inComment = false;
  let mark = MULTILINE.exec(code);
  for (let start = 0, next; start < code.length; start = next) {
    const at = code.indexOf("\n", start);
    const end = at < 0 ? code.length : at;
    next = end + 1;
    if (isTitleAt(code, start)) {
      titles.push({ type: "Line", value: code.slice(start + 2, end), start, end });
      current = undefined;
      inTemplate = inComment = false;
    } else if (end > start && !inTemplate && !inComment) {
      if (current === undefined || !GOES_ON.test(code[start])) {
        const title = titles.at(-1);
        const variables = title && plainVariables(code.slice(start, end));
        const isPlain = variables !== undefined;
        statements.push(current = { start, end: next, title, isPlain, variable: variables?.[0] });
      } else if (code[start] > " " && !LAST_LINE.test(code.slice(start, end))) {
        current.isPlain = false;
      }
    }
    if (current !== undefined) current.end = Math.min(next, code.length);
    for (; mark !== null && mark.index < end; mark = MULTILINE.exec(code)) {
      // The name of a module opens nothing, such as https://esm.sh/*preact.
      if (current === undefined || mark[0].length > 2) continue;
      current.isPlain = false;
      if (mark[0] === "`") inTemplate = !inTemplate;
      else inComment = mark[0] === "/*";
    }
  }
  MULTILINE.lastIndex = 0;
  return { titles, statements };
}

/** What a statement declares, by its first line: one variable or none; undefined if it does not say. */
function plainVariables(line: string): string[] | undefined {
  const declared = FUNCTION.exec(line) ?? CLASS.exec(line);
  if (declared !== null) return [declared[1]];
  const variable = VARIABLE.exec(line);
  if (variable === null) return EXPRESSION.test(line) ? [] : undefined;
  return hasComma(line, variable[0].length) ? undefined : [variable[1]];
}

/** What has to do with whether a comma stands between two variables. The rest could hide one. */
const BESIDE_COMMAS = /\/\* @__PURE__ \*\/|"(?:[^"\\]|\\.)*"|[,([{}\])"'/]/g;

/** Whether there may be a comma outside of brackets and texts. */
function hasComma(line: string, from: number): boolean {
  let depth = 0;
  BESIDE_COMMAS.lastIndex = from;
  for (let match; (match = BESIDE_COMMAS.exec(line)) !== null;) {
    const [found] = match;
    if (found.length > 1) continue;
    if (found === "(" || found === "[" || found === "{") depth++;
    else if (found === ")" || found === "]" || found === "}") depth--;
    else if (found !== "," || depth === 0) return true;
  }
  return false;
}

/** The statements at some places of the text, which are in order. */
function statementsAt(
  statements: readonly Statement[],
  places: readonly number[],
): Set<Statement> {
  const found = new Set<Statement>();
  let i = 0;
  for (const place of places) {
    while (i < statements.length && statements[i].end <= place) i++;
    if (i < statements.length && statements[i].start <= place) found.add(statements[i]);
  }
  return found;
}
