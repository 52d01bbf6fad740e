/**
 * The official protobuf definitions of OTLP, to decode with them what the exporters send: the generated code of an older official package (the one in use now
 * only writes), with the runtime that it needs. Test only; kept in the cache beside the editor and the browser.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { provide, unpackFromRegistry } from './cache.mjs';

const definitions = {
  spec: '@opentelemetry/otlp-transformer@0.213.0',
  integrity:
    'sha512-RSuAlxFFPjeK4d5Y6ps8L2WhaQI6CXWllIjvo5nkAlBpmq2XdYWEBGiAbOF4nDs8CX4QblJDv5BbMUft3sEfDw==',
};
const runtime = {
  spec: 'protobufjs@7.5.4',
  integrity:
    'sha512-CvexbZtbov6jW2eXAvLukXjXUW1TzFaivC46BpWc/3BpcCysb5Vffu+B3XHMm8lVEuy2Mm4XGex8hBSg1yapPg==',
};

/** @returns {Promise<{ traces: (bytes: Uint8Array) => unknown, metrics: (bytes: Uint8Array) => unknown }>} what a request of each signal says, as plain data */
export async function provideOtlpDefinitions() {
  const folder = await provide('otlp-definitions-0.213.0-1', async (building) => {
    await unpackFromRegistry(definitions.spec, definitions.integrity, building);
    cpSync(
      path.join(building, 'package/build/src/generated/root.js'),
      path.join(building, 'definitions.cjs'),
    );
    rmSync(path.join(building, 'package'), { recursive: true });
    await unpackFromRegistry(runtime.spec, runtime.integrity, building);
    const target = path.join(building, 'node_modules', 'protobufjs');
    mkdirSync(target, { recursive: true });
    // One file that needs no other package.
    cpSync(path.join(building, 'package/dist/minimal/protobuf.js'), path.join(target, 'minimal.js'));
    rmSync(path.join(building, 'package'), { recursive: true });
    writeFileSync(path.join(target, 'package.json'), '{"name":"protobufjs","version":"7.5.4"}');
  });
  const root = createRequire(import.meta.url)(path.join(folder, 'definitions.cjs'));
  const { trace, metrics } = root.opentelemetry.proto.collector;
  const plain = (type, bytes) =>
    type.toObject(type.decode(bytes), { longs: String, enums: String, bytes: String, defaults: false });
  return {
    traces: (bytes) => plain(trace.v1.ExportTraceServiceRequest, bytes),
    metrics: (bytes) => plain(metrics.v1.ExportMetricsServiceRequest, bytes),
  };
}
