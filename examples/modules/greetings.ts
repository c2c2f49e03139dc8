/** A module that `functions.ts` uploads, so that tasks can import it by its name. */

export const greet = (name: string): string => `Good morning, ${name}!`;
