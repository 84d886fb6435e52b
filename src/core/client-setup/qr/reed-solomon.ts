/** Reed–Solomon over GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, as QR codes use it (ISO/IEC 18004 §7.5.2, annex A). */
const exponents = new Uint8Array(255);
const logarithms = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; i++) {
  exponents[i] = value;
  logarithms[value] = i;
  value = (value << 1) ^ (value >= 0x80 ? 0x11d : 0);
}

function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return exponents[((logarithms[a] ?? 0) + (logarithms[b] ?? 0)) % 255] ?? 0;
}

/** Π (x − α^i) for i < degree: coefficients from the highest down, without the leading 1. */
function generator(degree: number): Uint8Array {
  const polynomial = new Uint8Array(degree);
  polynomial[degree - 1] = 1;
  for (let i = 0; i < degree; i++) {
    const root = exponents[i] ?? 0;
    for (let j = 0; j < degree; j++) {
      polynomial[j] = multiply(polynomial[j] ?? 0, root) ^ (polynomial[j + 1] ?? 0);
    }
  }
  return polynomial;
}

/** The remainder that is appended to `data`, `degree` codewords. */
export function correctionOf(data: Uint8Array, degree: number): Uint8Array {
  const divisor = generator(degree);
  const remainder = new Uint8Array(degree);
  for (const byte of data) {
    const factor = byte ^ (remainder[0] ?? 0);
    remainder.copyWithin(0, 1);
    remainder[degree - 1] = 0;
    for (let j = 0; j < degree; j++) remainder[j] = (remainder[j] ?? 0) ^ multiply(divisor[j] ?? 0, factor);
  }
  return remainder;
}
