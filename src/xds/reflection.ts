import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { files } from '../generated/descriptors.js';

/** gRPC reflection (v1 and v1alpha) of what this server offers, so that `grpcurl` needs no `.proto` files. */
export function addReflection(server: Server): void {
  // Of a definition the library reads the descriptors only, wherever they stand.
  const fileDescriptorProtos = files.map((file) => Buffer.from(file, 'base64'));
  const xds = { format: 'Protocol Buffer 3 EnumDescriptorProto', type: {}, fileDescriptorProtos } as const;
  new ReflectionService({ xds }).addToServer(server);
}
