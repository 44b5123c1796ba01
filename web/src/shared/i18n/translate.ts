// Translates with a table of texts: its keys and the {placeholders} of each text are checked by the compiler.

/** A table with the keys of another. */
export type TextsOf<T> = { readonly [K in keyof T]: string };

/** The names of the {placeholders} in a text. */
type PlaceholderNames<S> = S extends `${string}{${infer P}}${infer Rest}` ? P | PlaceholderNames<Rest> : never;
type TextArguments<S> = [PlaceholderNames<S>] extends [never] ? [] : [values: Record<PlaceholderNames<S>, string | number>];

export type TranslateOf<T> = <K extends keyof T & string>(key: K, ...rest: TextArguments<T[K]>) => string;

export function createTranslatorOf<T>(texts: TextsOf<T>): TranslateOf<T> {
  return (key, ...rest) => {
    const values = (rest[0] ?? {}) as Record<string, string | number>;
    return texts[key].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}
