//! A code as rows of a terminal.
//!
//! With colours, every cell has both of its own: black on white whatever the theme. Without them nobody knows
//! what is light, so the caller says which [`Ground`] to reckon with, and [`Style::note`] says it on.

use super::{Code, Error};
use zeroize::Zeroizing;

/// Light modules around the code. Four is the standard's number; readers make do with two, and two are what
/// leaves room for the secret beside the code.
const QUIET: usize = 2;

/// Black on white, said three times, each truer than the one before where it is understood: themes repaint
/// the first 16 colours (some light ones until 30 on 47 is a negative), and leave the cube (16 and 231)
/// alone; a terminal without 256 colours may take the `5` in those for blinking, so that is switched off.
const BLACK_ON_WHITE: &str = "\x1b[0;30;47;107m\x1b[38;5;16;48;5;231m\x1b[24;25m";
/// Both colours exchanged: shorter than naming them, and known to every terminal with colours.
const SWAPPED: &str = "\x1b[7m";
const STRAIGHT: &str = "\x1b[27m";
/// At the end of every row, so that scrolling and resizing spread no background.
const RESET: &str = "\x1b[0m";

/// The background of a terminal whose colours may not be touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// Light text on a dark screen.
    Dark,
    /// Dark text on a light screen.
    Light,
}

/// How a code is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Half blocks, black on white: a column a module, a row for two.
    Utf8Colour,
    /// Half blocks without escapes. On a dark ground the light modules are drawn, so that it is no negative;
    /// rows that are spaced apart tear it.
    Utf8Plain(Ground),
    /// Spaces with backgrounds, two columns and a row a module: survives any font and any spacing.
    Blank,
    /// `##` and two spaces, without escapes; `##` is light on a dark ground. The last resort: a reader has to
    /// blur the characters into an area, so it wants distance.
    Ascii(Ground),
}

impl Style {
    /// What has to be said beside the code, for a drawing that is a negative on the other ground.
    #[must_use]
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Utf8Colour | Self::Blank => None,
            Self::Utf8Plain(Ground::Dark) | Self::Ascii(Ground::Dark) => Some("drawn for a dark screen"),
            Self::Utf8Plain(Ground::Light) | Self::Ascii(Ground::Light) => Some("drawn for a light screen"),
        }
    }

    fn columns_per_module(self) -> usize {
        match self {
            Self::Utf8Colour | Self::Utf8Plain(_) => 1,
            Self::Blank | Self::Ascii(_) => 2,
        }
    }
}

/// A size in cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Cells from left to right.
    pub columns: usize,
    /// Cells from top to bottom.
    pub rows: usize,
}

impl Code {
    /// Columns that the code takes, quiet zone included.
    #[must_use]
    pub fn width(&self, style: Style) -> usize {
        self.square() * style.columns_per_module()
    }

    /// Rows that the code takes, quiet zone included.
    #[must_use]
    pub fn height(&self, style: Style) -> usize {
        if style.columns_per_module() == 1 { self.square().div_ceil(2) } else { self.square() }
    }

    /// Whether the whole code can be seen while a line is typed below it.
    ///
    /// # Errors
    /// [`Error::TooBig`] with both sizes.
    pub fn fits(&self, style: Style, terminal: Size) -> Result<(), Error> {
        let needs = Size { columns: self.width(style), rows: self.height(style) + 1 };
        if needs.columns <= terminal.columns && needs.rows <= terminal.rows {
            return Ok(());
        }
        Err(Error::TooBig { needs, has: terminal })
    }

    /// The rows from top to bottom, without line ends, each [`Self::width`] columns wide.
    #[must_use]
    pub fn rows(&self, style: Style) -> Zeroizing<Vec<String>> {
        Zeroizing::new(match style {
            Style::Utf8Colour => self.coloured_half_blocks(),
            Style::Utf8Plain(ground) => self.plain_half_blocks(ground),
            Style::Blank => self.map_rows(|modules| painted(modules.flat_map(|dark| [(' ', dark); 2]))),
            Style::Ascii(ground) => self.map_rows(|modules| {
                modules.map(|dark| if ground.inks(dark) { "##" } else { "  " }).collect()
            }),
        })
    }

    /// Modules from edge to edge, quiet zone included.
    fn square(&self) -> usize {
        self.side + 2 * QUIET
    }

    fn map_rows(&self, draw: impl Fn(&mut dyn Iterator<Item = bool>) -> String) -> Vec<String> {
        let row = |y| draw(&mut (0..self.square()).map(|x| self.is_dark(x, y, QUIET)));
        (0..self.square()).map(row).collect()
    }

    fn plain_half_blocks(&self, ground: Ground) -> Vec<String> {
        let cell =
            |x, y| match (ground.inks(self.is_dark(x, y, QUIET)), ground.inks(self.is_dark(x, y + 1, QUIET)))
            {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            };
        (0..self.square()).step_by(2).map(|y| (0..self.square()).map(|x| cell(x, y)).collect()).collect()
    }

    /// Half blocks that survive line spacing: there a cell's background fills the whole of it and the glyph
    /// does not, which leaves slivers of background above or below.
    ///
    /// Two equal modules are a space on their colour: no sliver. Two that differ can be drawn as either half
    /// on the other's colour, and the sliver cannot be avoided; what is chosen is where it does no harm.
    /// Among the data that is anywhere, since the middle of every module keeps its colour. Readers find a
    /// code by its three finder patterns, closed rings with a core, and those must be neither cut nor bridged:
    /// there a sliver may be light only where light lies above it, and is dark elsewhere.
    fn coloured_half_blocks(&self) -> Vec<String> {
        // The colour at the lower edge of the cells drawn last, which the next slivers lie against.
        let mut edge = vec![false; self.square()];
        let mut row = |y| {
            painted(edge.iter_mut().enumerate().map(|(x, edge)| {
                let (top, bottom) = (self.is_dark(x, y, QUIET), self.is_dark(x, y + 1, QUIET));
                let upper = if self.is_finder(x, y) { top && !*edge } else { true };
                let (glyph, ground) = match (top == bottom, upper) {
                    (true, _) => (' ', top),
                    (false, true) => ('▀', bottom),
                    (false, false) => ('▄', top),
                };
                *edge = ground;
                (glyph, ground)
            }))
        };
        (0..self.square()).step_by(2).map(&mut row).collect()
    }

    /// Whether the module lies in a finder pattern (7 modules square) or the light line around it.
    fn is_finder(&self, x: usize, y: usize) -> bool {
        let near = |at: usize| (QUIET..=QUIET + 7).contains(&at);
        let far = |at: usize| (QUIET + self.side - 8..QUIET + self.side).contains(&at);
        (near(x) && (near(y) || far(y))) || (far(x) && near(y))
    }
}

impl Ground {
    /// Whether a module is drawn, rather than left to the screen.
    fn inks(self, dark: bool) -> bool {
        dark == (self == Self::Light)
    }
}

/// A row of cells, each a glyph on a dark or a light background, in which the glyph has the other colour.
fn painted(cells: impl Iterator<Item = (char, bool)>) -> String {
    let mut row = String::from(BLACK_ON_WHITE);
    let mut swapped = false;
    for (glyph, dark) in cells {
        if dark != swapped {
            row.push_str(if dark { SWAPPED } else { STRAIGHT });
            swapped = dark;
        }
        row.push(glyph);
    }
    row.push_str(RESET);
    row
}
