import type { Finding } from '../finding.ts';

type Port = { readonly name?: string; readonly number: number };

/** Ports of one service: numbers and names are unique, and several ports have names. */
export function* checkPorts(ports: readonly Port[], numberField: 'port' | 'number'): Generator<Finding> {
  const seen = new Set<string | number>();
  for (const [index, { name, number }] of ports.entries()) {
    const path = ['spec', 'ports', index];
    if (seen.has(number))
      yield { code: 'FL2204', message: `port ${number} is given twice`, path: [...path, numberField] };
    if (name !== undefined && seen.has(name)) {
      yield { code: 'FL2204', message: `port name ${name} is given twice`, path: [...path, 'name'] };
    }
    if (name === undefined && ports.length > 1)
      yield { code: 'FL2205', message: `port ${number} has no name`, path };
    seen.add(number);
    if (name !== undefined) seen.add(name);
  }
}
