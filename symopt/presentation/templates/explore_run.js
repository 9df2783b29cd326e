// Runs of the printed rules, and their numbers as text. Nothing here touches the page.

// A decimal, or a fraction of two integers that binary64 holds; anything else is not a number.
function read(text) {
  const trimmed = text.trim();
  const fraction = /^([+-]?\d+)\s*\/\s*(\d+)$/.exec(trimmed);
  if (fraction) {
    const [above, below] = [Number(fraction[1]), Number(fraction[2])];
    const held = Number.isSafeInteger(above) && Number.isSafeInteger(below);
    return held && below !== 0 ? above / below : NaN;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : NaN;
}

// All slots of a rule before the first step and after each one, and the first step with a number
// that is not finite.
function trajectory(name, start, hyper, steps) {
  const code = CODE[name];
  let row = code.start(...start, ...hyper);
  const rows = [row];
  for (let t = 1; t <= steps; t++) {
    row = code.step(t, ...row, ...hyper);
    rows.push(row);
  }
  const bad = rows.findIndex((values) => !values.every(Number.isFinite));
  return { rows, diverged: bad < 0 ? null : bad };
}

// The 64 bits of a number in hexadecimal; all nans are one.
function bits(number) {
  words.setFloat64(0, Number.isNaN(number) ? NaN : number);
  return words.getBigUint64(0).toString(16).padStart(16, "0");
}

function jsonNumber(number) {
  return Number.isFinite(number) ? number : String(number);
}
