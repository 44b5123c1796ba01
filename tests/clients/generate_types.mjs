// Writes the types for openapi-fetch: as openapi-typescript's command does, with Blob for files in place of string.
//   usage: node generate_types.mjs <openapi.json> <output .ts>
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const [document, output] = process.argv.slice(2);
const blob = ts.factory.createTypeReferenceNode(ts.factory.createIdentifier('Blob'));
const types = await openapiTS(pathToFileURL(document), {
  transform: (schema) => (schema.format === 'binary' ? blob : undefined),
});
writeFileSync(output, astToString(types));
