//! G.711 μ-law (ITU-T Recommendation G.711, Tables 2a and 2b), as the reference code of G.191 computes it.

/// One octet as a sample of 16 bits.
pub(super) const fn decode(octet: u8) -> i16 {
    let code = !octet;
    let (segment, step) = ((code >> 4) & 7, (code & 15) as i16);
    let magnitude = (((step << 3) + BIAS) << segment) - BIAS;
    if code & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// One sample of 16 bits as an octet.
pub(super) const fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let loud = sample.unsigned_abs();
    let magnitude = if loud > CLIP { CLIP } else { loud } + BIAS as u16;
    // The place of the highest bit, counted from that of the lowest segment.
    let segment = 8 - magnitude.leading_zeros() as u8;
    let step = (magnitude >> (segment + 3)) as u8 & 15;
    !(sign | (segment << 4) | step)
}

/// The octet of silence.
pub(super) const SILENCE: u8 = encode(0);

/// What is added so that every segment begins at a power of two.
const BIAS: i16 = 0x84;

/// The loudest sample that the code has room for.
const CLIP: u16 = 32_635;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_the_recommendation() {
        let rows = [
            (0xff, 0),
            (0xfe, 8),
            (0xf0, 120),
            (0xef, 132),
            (0x80, 32_124),
            (0x00, -32_124),
            (0x7e, -8),
            (0x8f, 16_764),
        ];
        for (octet, sample) in rows {
            assert_eq!(decode(octet), sample, "{octet:02x}");
            assert_eq!(encode(sample), octet, "{sample}");
        }
        assert_eq!((encode(i16::MAX), encode(i16::MIN)), (0x80, 0x00));
        assert_eq!(SILENCE, 0xff);
    }

    #[test]
    fn each_octet_comes_back_and_no_sample_is_far_off() {
        for octet in 0..=u8::MAX {
            // The negative zero comes back as zero.
            let same = if octet == 0x7f { 0xff } else { octet };
            assert_eq!(encode(decode(octet)), same, "{octet:02x}");
        }
        for sample in i16::MIN..=i16::MAX {
            let off = i32::from(decode(encode(sample))) - i32::from(sample);
            let allowed = (i32::from(sample).abs() + 132) / 32 + 4;
            assert!(off.abs() <= allowed.max(644), "{sample} {off}");
        }
    }
}
