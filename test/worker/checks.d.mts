export const CHECKS: Readonly<Record<string, unknown>>;
export function check(name: string, host: object): Promise<{ got: unknown; expected: unknown }>;
