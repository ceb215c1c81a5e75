//! A terminal's eye view: the escapes used here turned into cells, and cells into pixels.

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// The colours of a terminal.
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    foreground: Rgb,
    background: Rgb,
    /// What it makes of 30/40, 37/47 and 97/107: all that the drawings use of the first 16.
    black: Rgb,
    white: Rgb,
    bright_white: Rgb,
}

const DARK: Theme = Theme {
    name: "dark",
    foreground: [204; 3],
    background: [0; 3],
    black: [0; 3],
    white: [204; 3],
    bright_white: [255; 3],
};
const LIGHT: Theme = Theme { name: "light", foreground: [0; 3], background: [255; 3], ..DARK };
const SOLARIZED: Theme = Theme {
    name: "solarized",
    foreground: [131, 148, 150],
    background: [0, 43, 54],
    black: [7, 54, 66],
    white: [238, 232, 213],
    bright_white: [253, 246, 227],
};
const SOLARIZED_LIGHT: Theme =
    Theme { name: "solarized light", foreground: [101, 123, 131], background: [253, 246, 227], ..SOLARIZED };
const FADED: Theme = Theme {
    name: "faded",
    foreground: [125; 3],
    background: [60; 3],
    black: [70; 3],
    white: [120; 3],
    bright_white: [140; 3],
};
/// As base16 has it for light themes: black is the background and white the darkest text.
const BASE16_LIGHT: Theme = Theme {
    name: "base16 light",
    foreground: [56; 3],
    background: [248; 3],
    black: [248; 3],
    white: [56; 3],
    bright_white: [24; 3],
};

pub(crate) const DARK_THEMES: [Theme; 3] = [DARK, SOLARIZED, FADED];
pub(crate) const LIGHT_THEMES: [Theme; 2] = [LIGHT, SOLARIZED_LIGHT];
pub(crate) const THEMES: [Theme; 6] = [DARK, LIGHT, SOLARIZED, SOLARIZED_LIGHT, FADED, BASE16_LIGHT];
/// Those whose black is black, so that 16 colours are enough.
pub(crate) const HONEST_THEMES: [Theme; 5] = [DARK, LIGHT, SOLARIZED, SOLARIZED_LIGHT, FADED];

/// How many colours a terminal understands; what it does not, it takes for what it knows.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(crate) enum Colours {
    Eight,
    Sixteen,
    Cube,
}

/// Where the pixels go that line spacing adds to a cell of 16: its background fills them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spacing {
    above: usize,
    below: usize,
    /// Whether blocks are stretched to fill the cell, as terminals do that draw them themselves.
    filled: bool,
}

pub(crate) const TIGHT: Spacing = Spacing { above: 0, below: 0, filled: false };
/// Half a row more, blocks drawn by the terminal.
pub(crate) const FILLED: Spacing = Spacing { above: 4, below: 4, filled: true };
/// Half a row more, blocks from a font: in the middle of the row (browsers), at its top, at its foot.
pub(crate) const CENTRED: Spacing = Spacing { above: 4, below: 4, filled: false };
pub(crate) const RAISED: Spacing = Spacing { above: 0, below: 8, filled: false };
pub(crate) const LOWERED: Spacing = Spacing { above: 8, below: 0, filled: false };

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Cell {
    pub(crate) glyph: char,
    pub(crate) foreground: Option<Rgb>,
    pub(crate) background: Option<Rgb>,
    pub(crate) swapped: bool,
    pub(crate) odd: bool,
}

const PLAIN: Cell = Cell { glyph: ' ', foreground: None, background: None, swapped: false, odd: false };

/// The cells of a row, and the state that it leaves behind.
pub(crate) fn cells(row: &str, theme: &Theme, colours: Colours) -> (Vec<Cell>, Cell) {
    let (mut pen, mut cells) = (PLAIN, Vec::new());
    let mut rest = row.chars();
    while let Some(glyph) = rest.next() {
        if glyph != '\x1b' {
            cells.push(Cell { glyph, ..pen });
            continue;
        }
        assert_eq!(rest.next(), Some('['), "only CSI sequences are used");
        let parameters: String = rest.by_ref().take_while(|&c| c != 'm').collect();
        let parameters: Vec<u16> = parameters.split(';').map(|p| p.parse().unwrap_or(0)).collect();
        select(&mut pen, &parameters, theme, colours);
    }
    pen.glyph = ' ';
    (cells, pen)
}

/// SGR, as far as it is used; `odd` collects blinking and underlining, which nobody wants here.
fn select(pen: &mut Cell, mut parameters: &[u16], theme: &Theme, colours: Colours) {
    let basic = |n| if n == 0 { theme.black } else { theme.white };
    while let [first, rest @ ..] = parameters {
        parameters = rest;
        match (first, rest) {
            (38, [5, n, rest @ ..]) if colours == Colours::Cube => {
                (pen.foreground, parameters) = (Some(cube(*n)), rest)
            }
            (48, [5, n, rest @ ..]) if colours == Colours::Cube => {
                (pen.background, parameters) = (Some(cube(*n)), rest)
            }
            (0, _) => *pen = PLAIN,
            (4 | 5, _) => pen.odd = true,
            (24 | 25, _) => pen.odd = false,
            (7, _) => pen.swapped = true,
            (27, _) => pen.swapped = false,
            (30 | 37, _) => pen.foreground = Some(basic(first - 30)),
            (40 | 47, _) => pen.background = Some(basic(first - 40)),
            (39, _) => pen.foreground = None,
            (49, _) => pen.background = None,
            (107, _) if colours >= Colours::Sixteen => pen.background = Some(theme.bright_white),
            _ => assert!(colours < Colours::Cube || *first == 107, "SGR {first} is not known here"),
        }
    }
}

fn cube(colour: u16) -> Rgb {
    match colour {
        16 => [0; 3],
        231 => [255; 3],
        other => panic!("colour {other} is not black or white"),
    }
}

/// What a camera sees.
pub(crate) struct Picture {
    width: usize,
    pixels: Vec<Rgb>,
}

impl Picture {
    /// A white picture.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, pixels: vec![[255; 3]; width * height] }
    }

    pub(crate) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        for row in y..y + height {
            self.pixels[row * self.width + x..][..width].fill(colour);
        }
    }

    pub(crate) fn ppm(&self) -> Vec<u8> {
        let mut file = format!("P6 {} {} 255\n", self.width, self.pixels.len() / self.width).into_bytes();
        file.extend(self.pixels.iter().flatten());
        file
    }
}

const WIDTH: usize = 8;
const HEIGHT: usize = 16;
/// Empty cells around what is looked at.
const MARGIN: usize = 2;

/// Rows on a screen of their own size and a margin.
pub(crate) fn show(rows: &[String], theme: &Theme, colours: Colours, spacing: Spacing) -> Picture {
    let rows: Vec<_> = rows.iter().map(|row| cells(row, theme, colours).0).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap() + 2 * MARGIN;
    let pitch = spacing.above + HEIGHT + spacing.below;
    let mut picture = Picture::new(columns * WIDTH, (rows.len() + 2 * MARGIN) * pitch);
    picture.pixels.fill(theme.background);
    for (y, row) in rows.iter().enumerate() {
        for (x, cell) in row.iter().enumerate() {
            let mut colours =
                (cell.foreground.unwrap_or(theme.foreground), cell.background.unwrap_or(theme.background));
            if cell.swapped {
                colours = (colours.1, colours.0);
            }
            let (x, y) = ((x + MARGIN) * WIDTH, (y + MARGIN) * pitch);
            picture.fill(x, y, WIDTH, pitch, colours.1);
            let (top, height) = if spacing.filled { (y, pitch) } else { (y + spacing.above, HEIGHT) };
            ink(&mut picture, cell.glyph, x, top, height, colours.0);
        }
    }
    picture
}

fn ink(picture: &mut Picture, glyph: char, x: usize, y: usize, height: usize, colour: Rgb) {
    match glyph {
        '█' => picture.fill(x, y, WIDTH, height, colour),
        '▀' => picture.fill(x, y, WIDTH, height / 2, colour),
        '▄' => picture.fill(x, y + height / 2, WIDTH, height / 2, colour),
        '#' => {
            picture.fill(x + 2, y + 3, 1, 11, colour);
            picture.fill(x + 5, y + 3, 1, 11, colour);
            picture.fill(x, y + 6, 8, 1, colour);
            picture.fill(x, y + 10, 8, 1, colour);
        }
        // Words beside a code: what they look like does not matter.
        _ => {}
    }
}
