// Reads a TensorFlow Lite model: only the tables, operators and number types that MediaPipe's short-range face detector has.
// Field numbers are those of the published schema (tensorflow/compiler/mlir/lite/schema/schema.fbs); anything else in a file
// is refused by name, so that a model that has changed stops the build instead of finding no faces.

export type DType = 'float32' | 'float16' | 'int32';

export interface Tensor {
  shape: number[];
  dtype: DType;
  data?: Uint8Array;
}

export type Padding = 'SAME' | 'VALID';

export type Options =
  | { kind: 'CONV_2D' | 'DEPTHWISE_CONV_2D'; padding: Padding; strides: [number, number] }
  | { kind: 'MAX_POOL_2D'; padding: Padding; strides: [number, number]; window: [number, number] }
  | { kind: 'CONCATENATION'; axis: number }
  | { kind: 'ADD' | 'DEQUANTIZE' | 'PAD' | 'RELU' | 'RESHAPE' };

export interface Operator {
  options: Options;
  inputs: number[];
  outputs: number[];
}

export interface Model {
  tensors: Tensor[];
  inputs: number[];
  outputs: number[];
  operators: Operator[];
}

const DTYPES: Record<number, DType> = { 0: 'float32', 1: 'float16', 2: 'int32' };

export function readModel(bytes: Uint8Array): Model {
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') !== 'TFL3') {
    throw new Error('This is no TensorFlow Lite model: its file identifier is not TFL3.');
  }
  const model = new Table(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, true);
  const codes = model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)));
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  const [graph, ...more] = model.tables(2);
  if (!graph || more.length > 0) throw new Error(`The model has ${more.length + (graph ? 1 : 0)} graphs, not one.`);
  return {
    tensors: graph.tables(0).map((tensor) => readTensor(tensor, buffers)),
    inputs: graph.int32s(1),
    outputs: graph.int32s(2),
    operators: graph.tables(3).map((operator) => readOperator(operator, codes)),
  };
}

function readTensor(tensor: Table, buffers: Uint8Array[]): Tensor {
  const dtype = DTYPES[tensor.int8(1)];
  if (!dtype) throw new Error(`A tensor has numbers of type ${tensor.int8(1)}, which is not read here.`);
  const shape = tensor.int32s(0);
  const data = buffers[tensor.int32(2)];
  return data && data.length > 0 ? { shape, dtype, data } : { shape, dtype };
}

function readOperator(operator: Table, codes: number[]): Operator {
  const options = readOptions(codes[operator.int32(0)] ?? -1, operator.table(4));
  return { options, inputs: operator.int32s(1), outputs: operator.int32s(2) };
}

function readOptions(code: number, options: Table): Options {
  switch (code) {
    case 0:
      return plain('ADD', options, 0);
    case 2:
      refuseActivation('CONCATENATION', options.int8(1));
      return { kind: 'CONCATENATION', axis: options.int32(0) };
    case 3:
      return convolution('CONV_2D', options, 3, [4, 5]);
    case 4:
      return convolution('DEPTHWISE_CONV_2D', options, 4, [5, 6]);
    case 6:
      return { kind: 'DEQUANTIZE' };
    case 17:
      refuseActivation('MAX_POOL_2D', options.int8(5));
      return {
        kind: 'MAX_POOL_2D',
        padding: padding(options),
        strides: [options.int32(2), options.int32(1)],
        window: [options.int32(4), options.int32(3)],
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

function plain(kind: 'ADD', options: Table, activation: number): Options {
  refuseActivation(kind, options.int8(activation));
  return { kind };
}

function convolution(
  kind: 'CONV_2D' | 'DEPTHWISE_CONV_2D',
  options: Table,
  activation: number,
  dilations: [number, number],
): Options {
  refuseActivation(kind, options.int8(activation));
  if (dilations.some((field) => options.int32(field, 1) !== 1)) throw new Error(`A ${kind} is dilated, which is not read here.`);
  return { kind, padding: padding(options), strides: [options.int32(2), options.int32(1)] };
}

function padding(options: Table): Padding {
  return options.int8(0) === 0 ? 'SAME' : 'VALID';
}

function refuseActivation(kind: string, activation: number): void {
  if (activation !== 0) throw new Error(`A ${kind} has activation ${activation} fused into it, which is not read here.`);
}

// A FlatBuffers table: a field that has its default value is absent.
class Table {
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

  private place(field: number): number | undefined {
    const entry = 4 + 2 * field;
    if (entry >= this.view.getUint16(this.fields, true)) return undefined;
    const offset = this.view.getUint16(this.fields + entry, true);
    return offset === 0 ? undefined : this.at + offset;
  }

  int8(field: number): number {
    const place = this.place(field);
    return place === undefined ? 0 : this.view.getInt8(place);
  }

  int32(field: number, otherwise = 0): number {
    const place = this.place(field);
    return place === undefined ? otherwise : this.view.getInt32(place, true);
  }

  table(field: number): Table {
    const place = this.place(field);
    return place === undefined ? EMPTY : new Table(this.view, place, true);
  }

  tables(field: number): Table[] {
    return this.vector(field, 4, (place) => new Table(this.view, place, true));
  }

  int32s(field: number): number[] {
    return this.vector(field, 4, (place) => this.view.getInt32(place, true));
  }

  bytes(field: number): Uint8Array {
    const place = this.place(field);
    if (place === undefined) return new Uint8Array();
    const vector = place + this.view.getUint32(place, true);
    return new Uint8Array(this.view.buffer, this.view.byteOffset + vector + 4, this.view.getUint32(vector, true));
  }

  private vector<T>(field: number, size: number, read: (place: number) => T): T[] {
    const place = this.place(field);
    if (place === undefined) return [];
    const vector = place + this.view.getUint32(place, true);
    return Array.from({ length: this.view.getUint32(vector, true) }, (_, index) => read(vector + 4 + size * index));
  }
}

// Its list of fields is empty: two lengths of 4 bytes, at 0, and the table at 4 that points back to them.
const EMPTY = new Table(new DataView(new Uint8Array([4, 0, 4, 0, 4, 0, 0, 0]).buffer), 4, false);
