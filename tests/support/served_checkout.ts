/** This checkout behind a URL, for tests of programs that import it from there. */

const root = new URL("../../", import.meta.url);

/** A plain file server that serves this checkout on loopback. */
export function serveFiles(): { url: string; [Symbol.asyncDispose](): Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      try {
        const body = await Deno.readFile(new URL(`.${pathname}`, root));
        return new Response(body, { headers: { "content-type": "application/typescript" } });
      } catch {
        return new Response("not found", { status: 404 });
      }
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A cache of its own for the modules that come over HTTP, next to the npm packages that are there. */
export async function freshCache(folder: string): Promise<string> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
  await Deno.mkdir(npmCache, { recursive: true });
  await Deno.mkdir(`${folder}/cache`);
  await Deno.symlink(npmCache, `${folder}/cache/npm`);
  return `${folder}/cache`;
}
