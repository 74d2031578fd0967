const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether the bytes are well-formed UTF-8: no surrogates, nothing overlong. */
export const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    STRICT.decode(bytes);
    return true;
  } catch {
    return false; // fatal decoding throws for ill-formed input and for nothing else
  }
};
