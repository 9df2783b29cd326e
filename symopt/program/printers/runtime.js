// What printed programs call. Every function here is exact or rounded to nearest, as IEEE 754 has
// it for + - * / and the square root, except where it hands over to Math.pow.

const words = new DataView(new ArrayBuffer(8));

function maximum(a, b) {
  return a >= b || a !== a ? a : b;
}

function minimum(a, b) {
  return a <= b || a !== a ? a : b;
}

// Powers of one number: its 1st, 2nd, ... as 256-bit significands with binary exponents. A lost
// bit is kept as a last bit of 1, so that rounding to 53 bits sees that there was more.
class Powers {
  constructor(base) {
    words.setFloat64(0, Math.abs(base));
    const bits = words.getBigUint64(0);
    let exponent = Number(bits >> 52n);
    let significand = bits & 0xfffffffffffffn;
    if (exponent) significand |= 1n << 52n;
    else exponent = 1;
    while (significand < 1n << 52n) {
      significand <<= 1n;
      exponent -= 1;
    }
    this.factor = significand;
    this.step = exponent - 1075;
    this.significands = [1n << 255n];
    this.exponents = [-255];
  }

  upTo(n) {
    for (let i = this.significands.length; i <= n; i++) {
      const product = this.significands[i - 1] * this.factor;
      const drop = product >> 308n ? 53n : 52n;
      const lost = product & ((1n << drop) - 1n);
      this.significands.push((product >> drop) | (lost ? 1n : 0n));
      this.exponents.push(this.exponents[i - 1] + this.step + Number(drop));
    }
  }
}

// significand * 2**exponent, rounded to nearest, ties to even; the significand has 256 bits.
function nearest(significand, exponent) {
  const top = exponent + 255;
  if (top > 1023) return Infinity;
  if (top >= -1022) {
    // Number() of a BigInt rounds as IEEE 754 does; a power of two is made of its bits.
    const rounded = Number(significand >> 128n | (significand & ((1n << 128n) - 1n) ? 1n : 0n));
    words.setBigUint64(0, 0x380n << 52n); // 2**-127
    const fraction = rounded * words.getFloat64(0); // from 1 to 2
    words.setBigUint64(0, BigInt(top + 1023) << 52n);
    return fraction * words.getFloat64(0);
  }
  const shift = BigInt(-1074 - exponent);
  let whole = significand >> shift;
  const rest = significand - (whole << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && whole & 1n)) whole += 1n;
  words.setBigUint64(0, whole);
  return words.getFloat64(0);
}

const known = new Map();

// base**n for an integer n, rounded to nearest: C libraries may be off by a last digit here.
function power(base, n) {
  if (!Number.isFinite(base) || base === 0 || !Number.isInteger(n) || Math.abs(n) > 100000) {
    return Math.pow(base, n);
  }
  const count = Math.abs(n);
  let powers = known.get(base);
  if (powers === undefined) {
    if (known.size > 32) known.clear();
    powers = new Powers(base);
    known.set(base, powers);
  }
  powers.upTo(count);
  let significand = powers.significands[count];
  let exponent = powers.exponents[count];
  if (n < 0) {
    const numerator = 1n << 511n;
    const quotient = numerator / significand;
    const inexact = quotient * significand !== numerator;
    exponent = -exponent - 511;
    if (quotient >> 256n) {
      significand = 1n << 255n; // the power is exactly a power of two
      exponent += 1;
    } else {
      significand = quotient | (inexact ? 1n : 0n);
    }
  }
  const size = nearest(significand, exponent);
  return base < 0 && count % 2 ? -size : size;
}
