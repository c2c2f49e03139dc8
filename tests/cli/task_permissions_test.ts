/** What tasks may do, by the flags of dusk-worker. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import {
  type Command,
  commandLine,
  markMissingValues,
  UsageError,
} from "../../cli/command_line.ts";
import { addPermissionFlags, taskPermissions } from "../../cli/task_permissions.ts";

function program(): Command {
  const command = commandLine("some-program", "Has tasks.").argument("[address]");
  addPermissionFlags(command, "Permissions:");
  return command;
}

function parse(...args: string[]) {
  const command = program();
  command.parse(markMissingValues(command, args), { from: "user" });
  return { permissions: taskPermissions(command.opts()), args: command.args };
}

function permissions(...args: string[]) {
  return parse(...args).permissions;
}

function refused(words: RegExp, ...args: string[]) {
  assert.throws(() => permissions(...args), (error) => {
    assert.ok(error instanceof UsageError, `${error}`);
    assert.match(error.message, words);
    return true;
  }, args.join(" "));
}

Deno.test("tasks have no permissions by default", () => {
  assert.equal(permissions(), "none");
  assert.equal(permissions("--deny-net", "--deny-read=/etc"), "none");
});

Deno.test("-A gives tasks all that the program may", () => {
  assert.equal(permissions("-A"), "inherit");
  assert.equal(permissions("--allow-all"), "inherit");
  assert.equal(permissions("-A", "--allow-net=example.com"), "inherit");
});

Deno.test("a permission without a list is everything of its kind, and takes no next argument", () => {
  const { permissions, args } = parse("--allow-net", "tcp://127.0.0.1:8786");
  assert.deepEqual(permissions, { net: true });
  assert.deepEqual(args, ["tcp://127.0.0.1:8786"]);
  const each = ["net", "read", "write", "env", "sys", "run", "ffi", "import"];
  assert.deepEqual(
    parse(...each.map((kind) => `--allow-${kind}`)).permissions,
    Object.fromEntries(each.map((kind) => [kind, true])),
  );
});

Deno.test("lists add up, and paths are made absolute", () => {
  assert.deepEqual(permissions("--allow-net=a.com,b.com:80", "--allow-net=c.com"), {
    net: ["a.com", "b.com:80", "c.com"],
  });
  assert.deepEqual(permissions("--allow-net=a.com", "--allow-net"), { net: true });
  assert.deepEqual(permissions("--allow-read=data,/srv/"), {
    read: [resolve("data"), resolve("/srv/")],
  });
  assert.deepEqual(permissions("--allow-env=HOME,AWS_*", "--allow-run=ls"), {
    env: ["HOME", "AWS_*"],
    run: ["ls"],
  });
});

Deno.test("an empty list is refused", () => {
  refused(/--allow-net has an empty entry/, "--allow-net=");
  refused(/--allow-read has an empty entry/, "--allow-read=/a,");
  refused(/--deny-env has an empty entry/, "--deny-env=,");
});

Deno.test("what is denied wholly is not given", () => {
  assert.deepEqual(permissions("--allow-net=a.com", "--allow-env", "--deny-net"), { env: true });
  assert.deepEqual(permissions("-A", "--deny-net", "--deny-run", "--deny-ffi"), {
    read: true,
    write: true,
    env: true,
    sys: true,
    import: true,
  });
});

Deno.test("denied entries are taken off lists", () => {
  assert.deepEqual(permissions("--allow-net=a.com,b.com", "--deny-net=b.com"), { net: ["a.com"] });
  assert.deepEqual(permissions("--allow-net=b.com:80,a.com", "--deny-net=B.com"), {
    net: ["a.com"],
  });
  assert.deepEqual(permissions("--allow-read=/a,/b/c", "--deny-read=/b,/d"), { read: ["/a"] });
  assert.deepEqual(permissions("--allow-env=A,B", "--deny-env=B,C"), { env: ["A"] });
  assert.deepEqual(permissions("--allow-run=ls,cat", "--deny-run=cat"), { run: ["ls"] });
  assert.equal(permissions("--allow-sys=hostname", "--deny-sys=hostname"), "none");
});

Deno.test("what cannot be taken off to the letter is refused", () => {
  refused(
    /--deny-read=\S*etc cannot be taken off all that --allow-read gives/,
    "-A",
    "--deny-read=/etc",
  );
  refused(/--deny-net=b.com cannot be taken off all/, "--allow-net", "--deny-net=b.com");
  refused(/--allow-read=\S*data/, "--allow-read=/data", "--deny-read=/data/secret");
  refused(/--allow-net=b.com/, "--allow-net=b.com", "--deny-net=b.com:22");
  // A name or pattern may stand for what is denied.
  refused(/--allow-net=b.com/, "--allow-net=b.com", "--deny-net=10.0.0.1");
  refused(/--allow-net=\*.b.com/, "--allow-net=*.b.com", "--deny-net=x.b.com");
  refused(/--allow-net=10.0.0.0\/8/, "--allow-net=10.0.0.0/8", "--deny-net=10.0.0.1");
  refused(/--allow-env=AWS_\*/, "--allow-env=AWS_*", "--deny-env=AWS_SECRET");
  refused(/--allow-run=ls/, "--allow-run=ls", "--deny-run=/bin/ls");
});

Deno.test("what is no host is refused", () => {
  for (const host of ["a.com:99999", "https://a.com", "a b", "a.com:80-90", "*", "::1"]) {
    refused(/must be a host, such as/, `--allow-net=${host}`);
  }
  for (const host of ["10.0.0.0/8", "[::1]:80", "*.a.com:443", "my_host"]) {
    assert.deepEqual(permissions(`--allow-net=${host}`), { net: [host] });
  }
});
