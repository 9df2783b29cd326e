// Pictures: the contour map with the paths, and the losses. Colors come from the style sheet.

function colors(names) {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => style.getPropertyValue(`--${name}`).trim());
}

const DASHES = [[], [7, 4], [2, 3]];

function niceTicks(low, high, count) {
  const raw = (high - low) / count;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((size) => size >= raw);
  const first = Math.ceil(low / step - 1e-9);
  const many = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.min(Math.max(many, 0), 2 * count + 2) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)));
}

class Picture {
  constructor(canvas, ratio) {
    this.canvas = canvas;
    this.ratio = ratio;
    this.pen = canvas.getContext("2d");
  }

  begin(margins) {
    const scale = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = Math.round(this.width * this.ratio);
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.canvas.style.height = `${this.height}px`;
    this.scale = scale;
    this.box = {
      left: margins.left, top: margins.top,
      right: this.width - margins.right, bottom: this.height - margins.bottom,
    };
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
    [this.ink, this.soft, this.line, this.paper] = colors(["ink", "soft", "line", "paper"]);
    this.pen.fillStyle = this.paper;
    this.pen.fillRect(0, 0, this.width, this.height);
  }

  window(horizontal, vertical) {
    this.horizontal = horizontal;
    this.vertical = vertical;
  }

  at(x, y) {
    const { left, right, top, bottom } = this.box;
    const [x0, x1] = this.horizontal;
    const [y0, y1] = this.vertical;
    return [
      left + ((x - x0) / (x1 - x0)) * (right - left),
      bottom - ((y - y0) / (y1 - y0)) * (bottom - top),
    ];
  }

  back(px, py) {
    const { left, right, top, bottom } = this.box;
    const [x0, x1] = this.horizontal;
    const [y0, y1] = this.vertical;
    return [
      x0 + ((px - left) / (right - left)) * (x1 - x0),
      y0 + ((bottom - py) / (bottom - top)) * (y1 - y0),
    ];
  }

  clip(draw) {
    const { left, right, top, bottom } = this.box;
    this.pen.save();
    this.pen.beginPath();
    this.pen.rect(left, top, right - left, bottom - top);
    this.pen.clip();
    draw();
    this.pen.restore();
  }

  frame(xTicks, yTicks, xName, yName, yText) {
    const { pen } = this;
    const { left, right, top, bottom } = this.box;
    pen.strokeStyle = this.soft;
    pen.lineWidth = 1;
    pen.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    pen.fillStyle = this.ink;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const tick of xTicks) {
      const [px] = this.at(tick, this.vertical[0]);
      pen.fillRect(px - 0.5, bottom, 1, 4);
      pen.fillText(String(tick), px, bottom + 7);
    }
    pen.fillText(xName, (left + right) / 2, bottom + 23);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const tick of yTicks) {
      const [, py] = this.at(this.horizontal[0], tick);
      pen.fillRect(left - 4, py - 0.5, 4, 1);
      pen.fillText(yText ? yText(tick) : String(tick), left - 7, py);
    }
    pen.save();
    pen.translate(13, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(yName, 0, 0);
    pen.restore();
  }
}

// ---- the map -----------------------------------------------------------------------------------

const CELLS = 160;

// The objective on a mesh of the window, computed once by its printed program.
function meshOf([[x0, x1], [y0, y1]]) {
  const values = new Float64Array((CELLS + 1) ** 2);
  for (let j = 0; j <= CELLS; j++) {
    for (let i = 0; i <= CELLS; i++) {
      const x = x0 + ((x1 - x0) * i) / CELLS;
      const y = y0 + ((y1 - y0) * j) / CELLS;
      [values[j * (CELLS + 1) + i]] = value(x, y);
    }
  }
  return values;
}

// Line segments of one level, cell by cell (marching squares); ends in units of cells.
function contour(values, level) {
  const segments = [];
  for (let j = 0; j < CELLS; j++) {
    for (let i = 0; i < CELLS; i++) {
      const k = j * (CELLS + 1) + i;
      const corners = [values[k], values[k + 1], values[k + CELLS + 2], values[k + CELLS + 1]];
      if (!corners.every(Number.isFinite)) continue;
      const cuts = [];
      for (let side = 0; side < 4; side++) {
        const [a, b] = [corners[side], corners[(side + 1) % 4]];
        if (a < level === b < level) continue;
        const part = (level - a) / (b - a);
        cuts.push(
          [[i + part, j], [i + 1, j + part], [i + 1 - part, j + 1], [i, j + 1 - part]][side],
        );
      }
      for (let cut = 0; cut + 1 < cuts.length; cut += 2) segments.push([cuts[cut], cuts[cut + 1]]);
    }
  }
  return segments;
}

function channel(color, which) {
  return parseInt(color.slice(1 + 2 * which, 3 + 2 * which), 16);
}

function shade(palette, part) {
  const place = Math.min(Math.max(part, 0), 1) * (palette.length - 1);
  const index = Math.min(Math.floor(place), palette.length - 2);
  return [0, 1, 2].map((which) => {
    const [a, b] = [channel(palette[index], which), channel(palette[index + 1], which)];
    return Math.round(a + (b - a) * (place - index));
  });
}

class ContourMap extends Picture {
  constructor(canvas, objective) {
    super(canvas, 0.8);
    this.objective = objective;
    this.mesh = meshOf(objective.window);
    this.lines = objective.levels.map((level) => contour(this.mesh, level));
  }

  draw(runs, start) {
    this.begin({ left: 52, right: 24, top: 12, bottom: 42 });
    const { window: area, variables } = this.objective;
    this.window(...area);
    this.clip(() => {
      this.background();
      runs.forEach((run, index) => this.path(run, index));
      this.points();
      this.start(start);
    });
    this.frame(niceTicks(...area[0], 8), niceTicks(...area[1], 7), ...variables);
  }

  // The levels in color with their lines, painted anew when size or colors change.
  background() {
    const palette = colors(["map0", "map1", "map2", "map3", "map4"]);
    const [line] = colors(["contour"]);
    const key = [this.canvas.width, this.canvas.height, line, ...palette].join();
    if (this.painted !== key) {
      this.paint(palette, line);
      this.painted = key;
    }
    this.pen.save();
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.drawImage(this.sheet, 0, 0);
    this.pen.restore();
  }

  paint(palette, line) {
    const { levels } = this.objective;
    const cells = document.createElement("canvas");
    cells.width = CELLS;
    cells.height = CELLS;
    const image = cells.getContext("2d").createImageData(CELLS, CELLS);
    for (let j = 0; j < CELLS; j++) {
      for (let i = 0; i < CELLS; i++) {
        const f = this.mesh[j * (CELLS + 1) + i];
        let band = 0;
        while (band < levels.length && f >= levels[band]) band++;
        const color = Number.isNaN(f) ? [128, 128, 128] : shade(palette, band / levels.length);
        image.data.set([...color, 255], 4 * ((CELLS - 1 - j) * CELLS + i));
      }
    }
    cells.getContext("2d").putImageData(image, 0, 0);
    this.sheet = document.createElement("canvas");
    this.sheet.width = this.canvas.width;
    this.sheet.height = this.canvas.height;
    const pen = this.sheet.getContext("2d");
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    const { left, right, top, bottom } = this.box;
    pen.drawImage(cells, left, top, right - left, bottom - top);
    pen.strokeStyle = line;
    pen.lineWidth = 0.7;
    pen.beginPath();
    const [wide, high] = [(right - left) / CELLS, (bottom - top) / CELLS];
    for (const segments of this.lines) {
      for (const [[ax, ay], [bx, by]] of segments) {
        pen.moveTo(left + ax * wide, bottom - ay * high);
        pen.lineTo(left + bx * wide, bottom - by * high);
      }
    }
    pen.stroke();
  }

  points() {
    for (const point of this.objective.points) {
      symbolOf(this.pen, point.kind, ...this.at(...point.x), this.ink, this.paper);
    }
  }

  path(run, index) {
    const { pen } = this;
    const [color] = colors([`run${index}`]);
    const last = run.diverged === null ? run.rows.length : run.diverged;
    const far = 1e5;
    const places = [];
    for (const row of run.rows.slice(0, last)) {
      const place = this.at(row[0], row[1]);
      if (!place.every((coordinate) => Math.abs(coordinate) < far)) break;
      places.push(place);
    }
    pen.strokeStyle = color;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.setLineDash(DASHES[index]);
    pen.beginPath();
    places.forEach(([px, py], i) => (i ? pen.lineTo(px, py) : pen.moveTo(px, py)));
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = color;
    let [dx, dy] = [-100, -100];
    for (const [px, py] of places) {
      if (Math.hypot(px - dx, py - dy) < 7) continue; // dots that touch would hide the steps
      pen.beginPath();
      pen.arc(px, py, 2.6, 0, 2 * Math.PI);
      pen.fill();
      [dx, dy] = [px, py];
    }
    const end = places.at(-1);
    if (end) {
      pen.beginPath();
      pen.arc(...end, 5, 0, 2 * Math.PI);
      pen.fill();
      pen.strokeStyle = this.paper;
      pen.lineWidth = 1.5;
      pen.stroke();
    }
  }

  start(point) {
    const { pen } = this;
    const [px, py] = this.at(...point);
    pen.lineWidth = 4;
    pen.strokeStyle = this.paper;
    for (let pass = 0; pass < 2; pass++) {
      pen.beginPath();
      pen.moveTo(px - 7, py);
      pen.lineTo(px + 7, py);
      pen.moveTo(px, py - 7);
      pen.lineTo(px, py + 7);
      pen.stroke();
      pen.lineWidth = 2;
      pen.strokeStyle = this.ink;
    }
  }

}

// A star for a minimum, a cross for a saddle, a triangle for a maximum, a square for the rest.
function symbolOf(pen, kind, px, py, ink, paper) {
  pen.save();
  pen.translate(px, py);
  pen.beginPath();
  if (kind === "minimum") {
    for (let i = 0; i < 10; i++) {
      const [size, angle] = [i % 2 ? 3.4 : 8, (Math.PI * i) / 5 - Math.PI / 2];
      pen.lineTo(size * Math.cos(angle), size * Math.sin(angle));
    }
  } else if (kind === "saddle") {
    for (const [x, y] of [[0, 2], [3, 5], [5, 3], [2, 0], [5, -3], [3, -5]]) pen.lineTo(x, y);
    for (const [x, y] of [[0, -2], [-3, -5], [-5, -3], [-2, 0], [-5, 3], [-3, 5]]) pen.lineTo(x, y);
  } else if (kind === "maximum") {
    for (const [x, y] of [[0, -7], [6.5, 5], [-6.5, 5]]) pen.lineTo(x, y);
  } else {
    pen.rect(-4.5, -4.5, 9, 9);
  }
  pen.closePath();
  pen.lineWidth = 2.5;
  pen.strokeStyle = paper;
  pen.stroke();
  pen.fillStyle = ink;
  pen.fill();
  pen.restore();
}

// ---- the losses --------------------------------------------------------------------------------

class Losses extends Picture {
  constructor(canvas, objective) {
    super(canvas, 0.4);
    this.lowest = objective.lowest;
    this.levels = objective.levels;
  }

  draw(runs, steps) {
    this.begin({ left: 64, right: 24, top: 12, bottom: 42 });
    const logarithmic = this.lowest !== null;
    const curves = runs.map((run) =>
      run.values.map((f) => {
        if (!Number.isFinite(f)) return NaN;
        if (!logarithmic) return f;
        return f > this.lowest ? Math.log10(f - this.lowest) : NaN;
      }),
    );
    const heights = curves.flat().filter(Number.isFinite);
    let low = Infinity;
    let high = -Infinity;
    for (const height of heights) {
      low = Math.min(low, height);
      high = Math.max(high, height);
    }
    if (low > high) [low, high] = [0, 1];
    if (logarithmic) {
      // A diverging run must not press the others flat.
      const first = Math.max(...curves.map((curve) => curve[0]).filter(Number.isFinite), low);
      high = Math.min(high, first + 2);
      low = Math.max(Math.min(low, high - 1), -34);
    } else {
      // Without a minimum a run may go down for ever: the map's values are what can be compared.
      low = Math.max(low, this.levels[0]);
      high = Math.max(Math.min(high, this.levels.at(-1)), low);
    }
    const margin = 0.06 * (high - low || Math.abs(high) || 1);
    this.window([0, steps], [low - margin, high + margin]);
    const ticks = niceTicks(low - margin, high + margin, 5);
    const yTicks = logarithmic ? [...new Set(ticks.map(Math.round))] : ticks;
    this.clip(() => curves.forEach((curve, index) => this.curve(curve, index)));
    const inside = yTicks.filter((tick) => tick >= low - margin && tick <= high + margin);
    const name = logarithmic ? (this.lowest === 0 ? "f" : "f − min f") : "f";
    const text = logarithmic ? (tick) => `1e${tick}` : undefined;
    this.frame(niceTicks(0, steps, 8).filter(Number.isInteger), inside, "step", name, text);
  }

  curve(curve, index) {
    const { pen } = this;
    [pen.strokeStyle] = colors([`run${index}`]);
    pen.lineWidth = 2;
    pen.setLineDash(DASHES[index]);
    pen.beginPath();
    const [low, high] = this.vertical;
    const far = 10 * (high - low);
    let drawing = false;
    curve.forEach((height, step) => {
      if (!Number.isFinite(height)) {
        drawing = false;
        return;
      }
      // Far outside a line would get lost: canvases draw in single precision.
      const place = this.at(step, Math.min(Math.max(height, low - far), high + far));
      if (drawing) pen.lineTo(...place);
      else pen.moveTo(...place);
      drawing = true;
    });
    pen.stroke();
    pen.setLineDash([]);
  }
}
