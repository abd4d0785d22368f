//! Makes one input of another.

/// Makes inputs, always the same ones from the same seed.
pub(super) struct Mutator {
    state: u64,
    longest: usize,
    words: &'static [&'static [u8]],
}

impl Mutator {
    pub(super) const fn new(longest: usize, words: &'static [&'static [u8]]) -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            longest,
            words,
        }
    }

    /// Begins another sequence.
    pub(super) fn seed(&mut self, seed: u64) {
        self.state ^= seed.wrapping_mul(0xd129_0d3a_6ddb_5b4d) | 1;
    }

    /// An input: one of the corpus, changed; or one of nothing but chance.
    pub(super) fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.base(corpus);
        for _ in 0..1 << self.below(5) {
            self.change(&mut input, corpus);
        }
        input.truncate(self.longest);
        input
    }

    fn base(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        if corpus.is_empty() || self.below(16) == 0 {
            let length = self.below(self.longest.min(512));
            return self.noise(length);
        }
        // Half of the time one of the latest: what they reached has been tried least.
        let from = if self.below(2) == 0 {
            corpus.len() - corpus.len().div_ceil(8)
        } else {
            0
        };
        let chosen = from + self.below(corpus.len() - from);
        corpus[chosen].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let (at, length) = self.place(input);
        match self.below(11) {
            0 if length > 0 => input[at] ^= 1 << self.below(8),
            1 if length > 0 => input[at] = self.byte(),
            2 if length > 0 => input[at] = EDGES[self.below(EDGES.len())],
            3 if length > 0 => input[at] = input[at].wrapping_add(self.byte() % 17).wrapping_sub(8),
            4 => self.number(input, at),
            5 => drop(input.drain(at..at + length)),
            6 => {
                let piece = input[at..at + length].to_vec();
                self.insert(input, &piece);
            }
            7 => {
                let count = self.below(16);
                let piece = self.noise(count);
                self.insert(input, &piece);
            }
            8 if !corpus.is_empty() => {
                let other = &corpus[self.below(corpus.len())];
                let (from, count) = self.place(other);
                self.insert(input, &other[from..from + count]);
            }
            9 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                self.insert(input, word);
            }
            10 => input.truncate(at),
            _ => input.push(self.byte()),
        }
    }

    /// A number of two or four bytes from an end of its range, either byte first.
    fn number(&mut self, input: &mut Vec<u8>, at: usize) {
        let edge = NUMBERS[self.below(NUMBERS.len())];
        let four = if self.below(2) == 0 {
            edge.to_le_bytes()
        } else {
            edge.to_be_bytes()
        };
        let bytes = match self.below(3) {
            0 => &four[..],
            1 => &four[..2],
            _ => &four[2..],
        };
        let end = (at + bytes.len()).min(input.len());
        input.splice(at..end, bytes.iter().copied());
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        let at = self.below(input.len() + 1);
        input.splice(at..at, piece.iter().copied());
    }

    /// A place, and how much from there, mostly little.
    fn place(&mut self, input: &[u8]) -> (usize, usize) {
        let at = self.below(input.len());
        let most = 1 << self.below(10);
        let left = input.len() - at;
        (
            at,
            if left == 0 {
                0
            } else {
                1 + self.below(left.min(most))
            },
        )
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    fn byte(&mut self) -> u8 {
        (self.draw() >> 56) as u8
    }

    /// A number below `end`; 0 if there is none.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            return 0;
        }
        (self.draw() >> 11) as usize % end
    }

    /// Xorshift* (Vigna 2016).
    fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

const EDGES: [u8; 8] = [0x00, 0x01, 0x10, 0x7f, 0x80, 0xfe, 0xff, b' '];

const NUMBERS: [u32; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];
