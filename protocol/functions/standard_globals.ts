/**
 * The names that a function finds on every worker: those of ECMAScript, of a web worker, of Deno and
 * of Dusk.
 *
 * Left out on purpose are globals that a task has no use for and whose names people give to their own
 * variables (`name`, `close`, `location`, `postMessage`, …): a function that uses one of these means
 * the variable, and would silently compute something else on a worker.
 *
 * @module
 */

const names = `
  AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean
  DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array
  Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise
  Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol
  SyntaxError Temporal TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap
  WeakRef WeakSet WebAssembly
  decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN
  parseFloat parseInt undefined unescape

  AbortController AbortSignal Blob BroadcastChannel ByteLengthQueuingStrategy Cache CacheStorage CloseEvent
  CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DOMMatrix
  DOMMatrixReadOnly DOMPoint DOMPointReadOnly DOMQuad DOMRect DOMRectReadOnly DecompressionStream
  DedicatedWorkerGlobalScope ErrorEvent Event EventSource EventTarget File FileReader FormData GPU
  GPUAdapter GPUAdapterInfo GPUBindGroup GPUBindGroupLayout GPUBuffer GPUBufferUsage GPUCanvasContext
  GPUColorWrite GPUCommandBuffer GPUCommandEncoder GPUCompilationInfo GPUCompilationMessage
  GPUComputePassEncoder GPUComputePipeline GPUDevice GPUDeviceLostInfo GPUError GPUInternalError GPUMapMode
  GPUOutOfMemoryError GPUPipelineError GPUPipelineLayout GPUQuerySet GPUQueue GPURenderBundle
  GPURenderBundleEncoder GPURenderPassEncoder GPURenderPipeline GPUSampler GPUShaderModule GPUShaderStage
  GPUSupportedFeatures GPUSupportedLimits GPUTexture GPUTextureUsage GPUTextureView
  GPUUncapturedErrorEvent GPUValidationError Headers ImageBitmap ImageData Lock LockManager
  MessageChannel MessageEvent MessagePort NavigatorUAData OffscreenCanvas Performance PerformanceEntry
  PerformanceMark PerformanceMeasure PerformanceObserver PerformanceObserverEntryList ProgressEvent
  PromiseRejectionEvent QuotaExceededError ReadableByteStreamController ReadableStream
  ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController
  ReadableStreamDefaultReader Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder
  TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams
  WebSocket Worker WorkerGlobalScope WorkerLocation WorkerNavigator WritableStream
  WritableStreamDefaultController WritableStreamDefaultWriter
  addEventListener atob btoa caches clearInterval clearTimeout console createImageBitmap crypto
  dispatchEvent fetch navigator performance queueMicrotask removeEventListener reportError self setInterval
  setTimeout structuredClone

  Buffer Deno clearImmediate global process setImmediate

  dusk
`;

/** Names that need not be captured or passed: every worker has them. */
export const standardGlobals: ReadonlySet<string> = new Set(names.trim().split(/\s+/));
