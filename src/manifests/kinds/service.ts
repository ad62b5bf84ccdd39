import { type ServiceManifest, validateService } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import { defineKind } from './kind.ts';
import { checkPorts } from './ports.ts';

/** Kubernetes Service. */
export const service = defineKind({
  name: 'Service',
  apiVersions: ['v1'],
  validate: validateService,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'Service', spec }),
});

function* check({ metadata, spec }: ServiceManifest): Generator<Finding> {
  if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata.name)) {
    const message = `${metadata.name} cannot be the name of a Service: it becomes a DNS label`;
    yield { code: 'FL2109', message, path: ['metadata', 'name'] };
  }
  const ports = spec.ports ?? [];
  if (ports.length === 0 && spec.clusterIP !== 'None') {
    yield { code: 'FL2106', message: 'spec.ports is missing', path: ['spec'] };
  }
  const numbered = ports.map(({ name, port }) =>
    name === undefined ? { number: port } : { name, number: port },
  );
  yield* checkPorts(numbered, 'port');
}
