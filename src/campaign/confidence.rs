//! How certain a share is that was counted over few.

/// The interval that holds a share with 95 % confidence, from a count of so many of all, each from 0 to 1; `None`
/// without any.
///
/// Wilson's score interval (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal
/// of the American Statistical Association 22, 1927): unlike the plain one it also holds for few and for shares near
/// 0 and 1.
///
/// ```
/// use aftertone::campaign::confidence::wilson;
///
/// let (low, high) = wilson(81, 263).unwrap();
/// assert_eq!((format!("{low:.3}"), format!("{high:.3}")), ("0.255".into(), "0.366".into()));
/// ```
pub fn wilson(counted: u64, all: u64) -> Option<(f64, f64)> {
    if all == 0 {
        return None;
    }
    let n = all as f64;
    let share = counted.min(all) as f64 / n;
    let middle = share + Z * Z / (2.0 * n);
    let reach = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    let low = ((middle - reach) / scale).max(0.0);
    let high = ((middle + reach) / scale).min(1.0);
    Some((low, high))
}

/// The 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intervals_are_those_of_the_books() {
        // R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17, 1998,
        // table I, method 3: 81/263, 15/148, 0/20, 1/29.
        for (counted, all, low, high) in [
            (81, 263, "0.2553", "0.3662"),
            (15, 148, "0.0624", "0.1605"),
            (0, 20, "0.0000", "0.1611"),
            (1, 29, "0.0061", "0.1718"),
        ] {
            let (l, h) = wilson(counted, all).unwrap();
            assert_eq!(
                (format!("{l:.4}").as_str(), format!("{h:.4}").as_str()),
                (low, high)
            );
        }
    }

    #[test]
    fn a_share_lies_within_its_interval() {
        assert_eq!(wilson(0, 0), None);
        for all in 1..60_u64 {
            for counted in 0..=all {
                let (low, high) = wilson(counted, all).unwrap();
                let share = counted as f64 / all as f64;
                let within =
                    (0.0..=share + 1e-12).contains(&low) && (share - 1e-12..=1.0).contains(&high);
                assert!(within, "{counted}/{all}: {low} {high}");
            }
        }
    }
}
