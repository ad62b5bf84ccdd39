import { generateExtensions } from './generate-extensions.ts';
import { generateProtobuf } from './generate-protobuf.ts';
import { generateSchemas } from './generate-schemas.ts';

/** `npm ci` runs this through `prepare`: everything below `src/generated/`, which git ignores. */
await generateSchemas();
await generateProtobuf();
await generateExtensions();
