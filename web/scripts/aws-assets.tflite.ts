// Reads a TensorFlow Lite model: only the tables, operators and number types that MediaPipe's short-range face detector has.
// Field numbers are those of the published schema (tensorflow/compiler/mlir/lite/schema/schema.fbs); anything else in a file
// is refused by name, so that a model that has changed stops the build instead of finding no faces.

export type NumberType = 'float32' | 'float16' | 'int32';

export interface ModelTensor {
  shape: number[];
  dtype: NumberType;
  data?: Uint8Array;
}

export type PaddingKind = 'SAME' | 'VALID';

export type OperatorOptions =
  | { kind: 'CONV_2D' | 'DEPTHWISE_CONV_2D'; padding: PaddingKind; strides: [number, number] }
  | { kind: 'MAX_POOL_2D'; padding: PaddingKind; strides: [number, number]; window: [number, number] }
  | { kind: 'CONCATENATION'; axis: number }
  | { kind: 'ADD' | 'DEQUANTIZE' | 'PAD' | 'RELU' | 'RESHAPE' };

export interface ModelOperator {
  options: OperatorOptions;
  inputs: number[];
  outputs: number[];
}

export interface TfliteModel {
  tensors: ModelTensor[];
  inputs: number[];
  outputs: number[];
  operators: ModelOperator[];
}

const DTYPES: Record<number, NumberType> = { 0: 'float32', 1: 'float16', 2: 'int32' };

export function readModel(bytes: Uint8Array): TfliteModel {
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') !== 'TFL3') {
    throw new Error('This is no TensorFlow Lite model: its file identifier is not TFL3.');
  }
  const model = new FlatTable(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, true);
  const codes = model.readTables(1).map((code) => Math.max(code.readInt8(0), code.readInt32(3)));
  const buffers = model.readTables(4).map((buffer) => buffer.readBytes(0));
  const [graph, ...more] = model.readTables(2);
  if (!graph || more.length > 0) throw new Error(`The model has ${more.length + (graph ? 1 : 0)} graphs, not one.`);
  return {
    tensors: graph.readTables(0).map((tensor) => readTensor(tensor, buffers)),
    inputs: graph.readInt32s(1),
    outputs: graph.readInt32s(2),
    operators: graph.readTables(3).map((operator) => readOperator(operator, codes)),
  };
}

function readTensor(tensor: FlatTable, buffers: Uint8Array[]): ModelTensor {
  const dtype = DTYPES[tensor.readInt8(1)];
  if (!dtype) throw new Error(`A tensor has numbers of type ${tensor.readInt8(1)}, which is not read here.`);
  const shape = tensor.readInt32s(0);
  const data = buffers[tensor.readInt32(2)];
  return data && data.length > 0 ? { shape, dtype, data } : { shape, dtype };
}

function readOperator(operator: FlatTable, codes: number[]): ModelOperator {
  const options = readOptions(codes[operator.readInt32(0)] ?? -1, operator.readTable(4));
  return { options, inputs: operator.readInt32s(1), outputs: operator.readInt32s(2) };
}

function readOptions(code: number, options: FlatTable): OperatorOptions {
  switch (code) {
    case 0:
      return readPlainOptions('ADD', options, 0);
    case 2:
      refuseActivation('CONCATENATION', options.readInt8(1));
      return { kind: 'CONCATENATION', axis: options.readInt32(0) };
    case 3:
      return readConvolution('CONV_2D', options, 3, [4, 5]);
    case 4:
      return readConvolution('DEPTHWISE_CONV_2D', options, 4, [5, 6]);
    case 6:
      return { kind: 'DEQUANTIZE' };
    case 17:
      refuseActivation('MAX_POOL_2D', options.readInt8(5));
      return {
        kind: 'MAX_POOL_2D',
        padding: readPadding(options),
        strides: [options.readInt32(2), options.readInt32(1)],
        window: [options.readInt32(4), options.readInt32(3)],
      };
    case 19:
      return { kind: 'RELU' };
    case 22:
      return { kind: 'RESHAPE' };
    case 34:
      return { kind: 'PAD' };
    default:
      throw new Error(`The model has an operator of kind ${code}, which is not read here.`);
  }
}

function readPlainOptions(kind: 'ADD', options: FlatTable, activation: number): OperatorOptions {
  refuseActivation(kind, options.readInt8(activation));
  return { kind };
}

function readConvolution(
  kind: 'CONV_2D' | 'DEPTHWISE_CONV_2D',
  options: FlatTable,
  activation: number,
  dilations: [number, number],
): OperatorOptions {
  refuseActivation(kind, options.readInt8(activation));
  if (dilations.some((field) => options.readInt32(field, 1) !== 1)) throw new Error(`A ${kind} is dilated, which is not read here.`);
  return { kind, padding: readPadding(options), strides: [options.readInt32(2), options.readInt32(1)] };
}

function readPadding(options: FlatTable): PaddingKind {
  return options.readInt8(0) === 0 ? 'SAME' : 'VALID';
}

function refuseActivation(kind: string, activation: number): void {
  if (activation !== 0) throw new Error(`A ${kind} has activation ${activation} fused into it, which is not read here.`);
}

// A FlatBuffers table: a field that has its default value is absent.
class FlatTable {
  private readonly at: number;
  private readonly fields: number;

  constructor(
    private readonly view: DataView,
    at: number,
    isReference: boolean,
  ) {
    this.at = isReference ? at + view.getUint32(at, true) : at;
    this.fields = this.at < 0 ? -1 : this.at - view.getInt32(this.at, true);
  }

  private findField(field: number): number | undefined {
    const entry = 4 + 2 * field;
    if (entry >= this.view.getUint16(this.fields, true)) return undefined;
    const offset = this.view.getUint16(this.fields + entry, true);
    return offset === 0 ? undefined : this.at + offset;
  }

  readInt8(field: number): number {
    const place = this.findField(field);
    return place === undefined ? 0 : this.view.getInt8(place);
  }

  readInt32(field: number, otherwise = 0): number {
    const place = this.findField(field);
    return place === undefined ? otherwise : this.view.getInt32(place, true);
  }

  readTable(field: number): FlatTable {
    const place = this.findField(field);
    return place === undefined ? EMPTY_TABLE : new FlatTable(this.view, place, true);
  }

  readTables(field: number): FlatTable[] {
    return this.vector(field, 4, (place) => new FlatTable(this.view, place, true));
  }

  readInt32s(field: number): number[] {
    return this.vector(field, 4, (place) => this.view.getInt32(place, true));
  }

  readBytes(field: number): Uint8Array {
    const place = this.findField(field);
    if (place === undefined) return new Uint8Array();
    const readVector = place + this.view.getUint32(place, true);
    return new Uint8Array(this.view.buffer, this.view.byteOffset + readVector + 4, this.view.getUint32(readVector, true));
  }

  private vector<T>(field: number, size: number, read: (place: number) => T): T[] {
    const place = this.findField(field);
    if (place === undefined) return [];
    const vector = place + this.view.getUint32(place, true);
    return Array.from({ length: this.view.getUint32(vector, true) }, (_, index) => read(vector + 4 + size * index));
  }
}

// Its list of fields is empty: two lengths of 4 bytes, at 0, and the table at 4 that points back to them.
const EMPTY_TABLE = new FlatTable(new DataView(new Uint8Array([4, 0, 4, 0, 4, 0, 0, 0]).buffer), 4, false);
