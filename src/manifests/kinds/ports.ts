import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

type Port = {
  readonly name?: string;
  readonly number: number;
  /** Absent: TCP. Ports of two transports may have one number. */
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
};

/** Ports of one service: numbers and names are unique, and several ports have names. */
export function* checkPorts(ports: readonly Port[], numberField: 'port' | 'number'): Generator<Finding> {
  const seen = new Set<string>();
  for (const [index, { name, number, protocol = 'TCP' }] of ports.entries()) {
    const path = ['spec', 'ports', index];
    const key = `${protocol} ${number}`;
    if (seen.has(key))
      yield { code: 'FL2204', message: `port ${number} is given twice`, path: [...path, numberField] };
    if (name !== undefined && seen.has(name)) {
      yield { code: 'FL2204', message: `port name ${name} is given twice`, path: [...path, 'name'] };
    }
    if (name === undefined && ports.length > 1)
      yield { code: 'FL2205', message: `port ${number} has no name`, path };
    seen.add(key);
    if (name !== undefined) seen.add(name);
  }
}

type Written = Pick<Port, 'protocol'>;

/** Ports that no proxy sees: Envoy listens for what captures TCP alone, as Istio does. */
export function* checkTransport(ports: readonly Written[], path: Path): Generator<Finding> {
  for (const [index, port] of ports.entries()) {
    if (isSeen(port)) continue;
    const message = `${port.protocol} passes by proxies`;
    const fix = 'nothing: it goes on as without a mesh';
    yield { code: 'FL2280', message, path: [...path, index, 'protocol'], fix };
  }
}

export function isSeen({ protocol = 'TCP' }: Written): boolean {
  return protocol === 'TCP';
}
