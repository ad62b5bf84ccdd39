import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { service as health } from 'grpc-health-check';
import { files } from '../generated/descriptors.js';

/** gRPC reflection (v1 and v1alpha) of what this server offers, so that `grpcurl` needs no `.proto` files. */
export function addReflection(server: Server): void {
  // Of a definition the library reads the descriptors only, wherever they stand.
  const fileDescriptorProtos = files.map((file) => Buffer.from(file, 'base64'));
  const xds = { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos };
  const checks = Object.entries(health).map(([name, { requestType }]) => [name, requestType]);
  new ReflectionService({ xds, ...Object.fromEntries(checks) }).addToServer(server);
}
